"""A heartbeat's file, a manifest's last line, and the words about whoever holds a lease."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.commands.screens.text import one_line
from dynia.interfaces.errors import DyniaError
from dynia.state.lease import Lessee, read_beat
from dynia.state.manifest import MANIFEST_VERSION, Seal, checksum_of, read_seal
from tests.fuzz.target import Target


class LeaseFiles(Target):
    name = "lease"
    weight = 200
    examples = 150

    def good(self) -> list[bytes]:
        seal = Seal(
            format="dynia.manifest", version=MANIFEST_VERSION, lineage="a" * 32, cluster="prod", node="misty-owl",
            generation=3, serial=41, fencing=7, digest="sha256:" + "a" * 64,
        )  # fmt: skip
        sealed = msgspec.structs.replace(seal, checksum=checksum_of(seal))
        lessee = Lessee(who="ci", host="runner", pid=4, url="https://ci.example.com/1", since=1_800_000_000)
        return [
            b'{"fencing":7,"count":3,"at":1800000000}',
            msgspec.json.encode(sealed),
            msgspec.json.encode(lessee),
        ]

    def attempt(self, raw: bytes) -> Iterable[str]:
        beat = read_beat(raw)
        seal = read_seal(raw.decode("utf-8", "replace")[1:])
        try:
            lessee = msgspec.json.decode(raw, type=Lessee)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            lessee = None
        if beat is None and seal is None and lessee is None:
            raise DyniaError("none of the three")
        return (one_line(lessee.words()),) if lessee else ()
