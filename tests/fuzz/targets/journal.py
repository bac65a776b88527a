"""One record of the journal behind a good snapshot. An input that has no checksum yet is sealed with the right one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import msgspec

from dynia.interfaces.errors import BadInput, Mistake
from dynia.state.disk import Disk
from dynia.state.loaded import Places, load
from dynia.state.record import checksum_of, encode
from tests.bad_input.state.good import GOOD, STATE
from tests.fuzz import screens
from tests.fuzz.memory_disk import MemoryDisk
from tests.fuzz.target import Target

HOME = "/w/.dynia/journal/prod/"


class JournalRecord(Target):
    name = "journal"
    weight = 150
    examples = 120

    def good(self) -> list[bytes]:
        first = [encode(sealed.record)[0] for sealed in GOOD][:1]
        # Each as the record that follows the snapshot.
        others = [
            msgspec.structs.replace(s.record, n=41, serial=41, previous=GOOD[0].record.previous) for s in GOOD
        ]
        return [*first, *(msgspec.json.encode(record) for record in others)]

    def attempt(self, raw: bytes) -> Iterable[str]:
        if not raw.startswith(b'{"checksum"'):
            raw = _sealed(raw)
        disk = MemoryDisk({"/w/state.json": STATE.encode(), f"{HOME}00000041.json": raw})
        loaded = load(cast(Disk, disk), Places(folder=Path("/w")))
        assert loaded is not None
        if torn := loaded.journals["prod"].torn:
            raise BadInput((Mistake(file=torn[0], line=1, column=1, key="", message="torn", rule="torn"),))
        yield from screens.of_state(loaded.state)


def _sealed(raw: bytes) -> bytes:
    """The bytes stand in the envelope as they are, whatever they are."""
    return b'{"checksum":"' + checksum_of(raw).encode() + b'","record":' + raw + b"}\n"
