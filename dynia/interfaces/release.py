"""A release: the immutable content of one component, named by its hash."""

from __future__ import annotations

import hashlib

from dynia.interfaces.shape import Shape


class ReleaseFile(Shape):
    """A file as it must be on a node. `path` is absolute. Owner is always root:root.

    A `secret` file is compared by HMAC on the node; its content is in no digest, state, plan or log. One with
    an `identity` has a public name (of a certificate: the hash of its chain), which nodes tell too: it is
    compared by that, and `content` may be empty where only nodes have it.
    """

    path: str
    mode: int
    content: bytes
    secret: bool = False
    identity: str = ""

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of the content; for a secret file its public name, ``chain:<hex>``, or nothing."""
        if self.secret:
            return f"chain:{self.identity}" if self.identity else ""
        return "sha256:" + hashlib.sha256(self.content).hexdigest()

    def __repr__(self) -> str:
        shown = "[redacted]" if self.secret else f"{len(self.content)} bytes"
        return f"ReleaseFile({self.path!r}, {self.mode:o}, {shown})"


class Release(Shape):
    """Content of one component. `id` is a hash over paths, modes and digests, 12 hex characters.

    `component` is ``haproxy``, ``caddy``, ``service/api``, ... `containers` maps each compose service to the
    hash of its own configuration (label ``dev.dynia.config``). `images` are the ``run`` names it needs.
    `data` are folders that its containers write into: what else is there is theirs.
    """

    component: str
    files: tuple[ReleaseFile, ...]
    containers: dict[str, str] = {}
    images: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        hasher = hashlib.sha256(self.component.encode())
        for file in sorted(self.files, key=lambda f: f.path):
            hasher.update(f"\0{file.path}\0{file.mode:o}\0{file.digest}\0{int(file.secret)}".encode())
        return hasher.hexdigest()[:12]
