"""A good state with a journal, of which every bad one is a small change."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dynia.state.model import Change
from dynia.state.record import NULL, RECORD_VERSION, Mark, Record, Sealed, advance, encode
from tests.fakes.states import begun, born

LINEAGE = "0123456789abcdef0123456789abcdef"
FOLDED = "sha256:" + "f" * 64

# As people may write it: shorter than Dynia's own form, with a line for each entry.
STATE = """\
{
  "version": 1,
  "lineage": "0123456789abcdef0123456789abcdef",
  "currentCluster": "prod",
  "clusters": [
    {"name": "prod", "provider": "docker", "serial": 40, "generation": 3, "nextOrdinal": 3},
    {"name": "staging", "provider": "docker"}
  ],
  "nodes": [
    {"cluster": "prod", "name": "misty-owl", "ordinal": 1, "providerId": "a1", "address": "198.18.0.2",
     "privateIp": "198.18.1.2", "hostKey": "", "port": 22, "role": "MASTER", "components": {"caddy": "c1"}},
    {"cluster": "prod", "name": "swift-fox", "ordinal": 2, "providerId": "a2", "address": "198.18.0.3",
     "privateIp": "198.18.1.3", "hostKey": "", "priority": 90}
  ],
  "deployments": [
    {"cluster": "prod", "name": "api", "kind": "http", "release": "r1"}
  ],
  "routes": [
    {"cluster": "prod", "domain": "api.example.com", "service": "api"}
  ],
  "intents": [
    {"cluster": "prod", "step": "node-3/provision", "kind": "node", "ordinal": 3}
  ],
  "journal": {
    "prod": {"n": 40, "serial": 40, "checksum": "FOLDED"}
  }
}
""".replace("FOLDED", FOLDED)

START = Mark(n=40, serial=40, checksum=FOLDED)


def record(mark: Mark, **other: object) -> Sealed:
    """The record that follows `mark`, with some fields as they should not be."""
    right = Record(
        version=RECORD_VERSION, n=mark.n + 1, cluster="prod", serial=mark.serial + 1, lineage=LINEAGE,
        run="a" * 32, kind="note", action=NULL, at=1_800_000_000, previous=mark.checksum,
    )  # fmt: skip
    wrong = msgspec.structs.replace(right, **other)
    return Sealed(record=wrong, checksum=encode(wrong)[1])


def records(*changes: tuple[Change, ...]) -> list[Sealed]:
    """Good records after the snapshot, one for each tuple of changes."""
    mark, found = START, []
    for each in changes:
        found.append(record(mark, changes=each))
        mark = advance(mark, found[-1])
    return found


GOOD = tuple(records(begun("prod", 3), born("prod", 3), ()))


def journal_of(folder: Path) -> Path:
    return folder / ".dynia" / "journal" / "prod"


def path_of(folder: Path, n: int) -> Path:
    return journal_of(folder) / f"{n:08d}.json"


def put(folder: Path, sealed: Sealed, name: str | None = None) -> None:
    """Write a record under its own number, or under another name."""
    path = journal_of(folder) / (name or f"{sealed.record.n:08d}.json")
    path.write_bytes(encode(sealed.record)[0])


def lay_out(folder: Path) -> None:
    """state.json, and three records after it."""
    journal_of(folder).mkdir(parents=True)
    (folder / "state.json").write_text(STATE)
    for sealed in GOOD:
        put(folder, sealed)
