"""The lock's file, as whoever waits for it reads who has it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from dynia.commands.screens.error import error_text
from dynia.interfaces.errors import Locked
from dynia.state import lock
from tests.fuzz.target import Target


class LockFile(Target):
    name = "lock"
    weight = 60
    examples = 60

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "lock-prod"
        self._held = lock.hold(self._path, "somebody", wait=0)

    def good(self) -> list[bytes]:
        return [b'{"who":"me","pid":1,"host":"here","since":1800000000}', b""]

    def close(self) -> None:
        self._held.close()
        self._folder.cleanup()

    def attempt(self, raw: bytes) -> Iterable[str]:
        self._path.write_bytes(raw)
        with pytest.raises(Locked) as told:
            lock.hold(self._path, "me", wait=0)
        if lock.holder_of(self._path) is None:
            raise told.value
        return (error_text(told.value, width=80),)
