"""The program that a reader's key is bound to on nodes: it holds the scripts that only look."""

from __future__ import annotations

import shlex
from importlib.resources import files

from dynia.providers.ssh.scripts import LOOKS, PATH, Places, asks, script


def observe_only(places: Places = Places()) -> str:  # noqa: B008 - a frozen value
    """Its text, whole in one file. `places` other than a node's are for tests."""
    head = ["#!/bin/sh", "# Written by Dynia.", "set -euf", "umask 077", "cd /"]
    head += [f"PATH={PATH} LC_ALL=C", "export PATH LC_ALL"]
    head += [f"{name}={shlex.quote(getattr(places, name))}" for name in ("opt", "var", "run", "units")]
    for name in LOOKS:
        head += [f"{name}_is={asks(name)}", f"{name}={shlex.quote(script(name))}"]
    body = (files("dynia.providers.ssh") / "node" / "reader.sh").read_text(encoding="utf-8")
    return "\n".join([*head, "", body])
