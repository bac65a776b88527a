"""What a node is given before its first boot: its host key and the operator's public key, as a tar.

It travels on stdin, so that no secret is in an argument, in the environment or in `docker inspect`.
"""

from __future__ import annotations

import io
import tarfile

SSH = "etc/ssh/ssh_host_ed25519_key"


def seed(host_private_key: str, host_public_key: str, authorized_key: str) -> bytes:
    """The tar to unpack at the root of a container that was not started yet."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, SSH, _line(host_private_key), 0o600)
        _add(tar, f"{SSH}.pub", _line(host_public_key), 0o644)
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        _add(tar, "root/.ssh/authorized_keys", _line(authorized_key), 0o600)
    return buffer.getvalue()


def _line(text: str) -> bytes:
    return text.encode() if text.endswith("\n") else f"{text}\n".encode()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
