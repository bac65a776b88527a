"""Runs `dynia secrets check`: asks the sources on this machine, and nobody else."""

from __future__ import annotations

import os
from pathlib import Path

from dynia.commands.exit_codes import DONE, ERROR
from dynia.commands.output import standard_output
from dynia.commands.screens.secrets import secrets_json, secrets_text
from dynia.interfaces.clusters_file import load
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import SecretsRequest
from dynia.interfaces.secret_sources import looked_for


def check_secrets(request: SecretsRequest) -> int:
    """Show which are there; the exit code."""
    output = standard_output()
    clusters = load(find_file(request.file, os.environ, Path.cwd())).clusters
    meant = [spec for spec in clusters if request.cluster in (None, spec.name)]
    if not meant:
        names = ", ".join(spec.name for spec in clusters)
        raise DyniaError(f"the file has no cluster {request.cluster}", hint=f"its clusters: {names}")
    found = tuple(one for spec in meant for one in looked_for(spec, os.environ))
    if request.as_json:
        output.data(secrets_json(found))
    else:
        output.show(secrets_text(found, width=output.width))
    return ERROR if any(one.reason for one in found) else DONE
