"""Which private key file the system's own ssh shall offer to a cluster's nodes."""

from __future__ import annotations

import os
from pathlib import Path

from dynia.interfaces.desired import ClusterSpec, DockerProvider

# The file of a private key for this run, a reader's say.
KEY_VARIABLE = "DYNIA_SSH_KEY"


def identity_file(spec: ClusterSpec | None, folder: Path) -> str:
    """This run's own, else the key that the file names, else the lab's; empty: whatever ssh and its agent
    have."""
    if own := os.environ.get(KEY_VARIABLE):
        return own
    if spec is None:
        return ""
    if spec.ssh.key:
        return spec.ssh.key
    if isinstance(spec.provider, DockerProvider):
        from dynia.providers.nodes.docker.lab import find_lab
        from dynia.providers.nodes.docker.operator_key import operator_key

        return str(operator_key(find_lab(folder, os.environ)))
    return ""
