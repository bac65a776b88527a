"""The operator's ssh key for a lab: made once, kept in the lab's folder, never committed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from dynia.providers.nodes.docker.lab import Lab


def operator_key(lab: Lab) -> Path:
    """The private key's file; made if it is not there. The public key stands beside it (``.pub``)."""
    path = lab.folder / "id_ed25519"
    if not path.exists():
        import asyncssh

        lab.folder.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519", comment=f"dynia lab {lab.id}")
        fresh = lab.folder / f"id_ed25519.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_bytes(key.export_private_key())
        # A link is made only if nobody else was first, and is there whole or not at all.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    public = path.with_suffix(".pub")
    if not public.exists():
        import asyncssh

        public.write_bytes(asyncssh.read_private_key(path).export_public_key())
    return path


def authorized_key(lab: Lab) -> str:
    """The line for authorized_keys."""
    return operator_key(lab).with_suffix(".pub").read_text().strip()
