"""One applied cluster at a time that files of tests hand on to each other: each leaves it settled."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.scratch import Scratch


class Kept:
    """`kind` is what the cluster runs: the first letter of its name."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.kind = ""
        self.cluster: Scratch | None = None

    def take(self, kind: str, write: Callable[[Scratch], object]) -> Scratch:
        """With the files that `write` leaves, and those alone, applied."""
        if self.cluster is None or self.kind != kind:
            self.drop()
            self.kind, self.cluster = kind, Scratch(self.lab, f"{kind}-{uuid.uuid4().hex[:6]}")
        try:
            self.cluster.renew(write)
        except AssertionError:
            self.cluster.collect(self.lab.folder / "failures" / self.cluster.name)
            self.drop()
            raise
        return self.cluster

    def drop(self) -> None:
        """Nothing of it is left: the next one begins with nodes of its own."""
        if self.cluster is not None:
            self.cluster.remove()
        self.cluster = None
