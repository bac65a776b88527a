"""Wrong state files: each gives one clear error with file, line, column and key path, and changes nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.errors import BadInput
from dynia.state.disk import LocalDisk
from dynia.state.model import PutNode, SetCurrent
from dynia.state.record import advance, checksum_of
from dynia.state.snapshot import STATE_LIMIT
from dynia.state.store import open_store
from tests.bad_input.state.good import GOOD, START, STATE, journal_of, lay_out, path_of, put, record
from tests.fakes.states import node

Spoil = Callable[[Path], object]


def text(old: str, new: str) -> Spoil:
    """state.json with one piece of its text replaced."""

    def spoil(folder: Path) -> None:
        assert STATE.count(old) == 1, f"{old!r} is not exactly once in the good state"
        (folder / "state.json").write_text(STATE.replace(old, new))

    return spoil


def kept(*, at: int, number: int) -> Spoil:
    """A generation that the nodes of prod keep."""
    one = f'{{"number": {number}, "last": 1, "digest": "d", "at": {at}, "by": "ci"}}'
    return text('"nextOrdinal": 3}', f'"nextOrdinal": 3, "generations": [{one}]}}')


def data(content: bytes) -> Spoil:
    return lambda folder: (folder / "state.json").write_bytes(content)


def second(**wrong: object) -> Spoil:
    """The second of the three records with something wrong in it, the checksum right."""
    mark = advance(START, GOOD[0])
    return lambda folder: put(folder, record(mark, **wrong), "00000042.json")


def inside(old: bytes, new: bytes, *, sealed: bool = True) -> Spoil:
    """The second record with a piece of its bytes replaced; `sealed`: with a checksum that fits."""

    def spoil(folder: Path) -> None:
        raw = msgspec.json.encode(GOOD[1].record, order="deterministic")
        assert old in raw
        spoiled = raw.replace(old, new, 1)
        checksum = checksum_of(spoiled if sealed else raw)
        path_of(folder, 42).write_bytes(b'{"checksum":"%s","record":%s}\n' % (checksum.encode(), spoiled))

    return spoil


def instead_of_a_file(path: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / path).unlink()
        (folder / path).mkdir()

    return spoil


def too_large(folder: Path) -> None:
    with (folder / "state.json").open("r+b") as file:
        file.truncate(STATE_LIMIT + 1)


def lost(folder: Path) -> None:
    (folder / "state.json").unlink()


def fifo(folder: Path) -> None:
    (folder / "state.json").unlink()
    os.mkfifo(folder / "state.json")


def no_journal_folder(folder: Path) -> None:
    for path in journal_of(folder).iterdir():
        path.unlink()
    journal_of(folder).rmdir()
    journal_of(folder).write_text("")


R41, R42 = ".dynia/journal/prod/00000041.json", ".dynia/journal/prod/00000042.json"
DEEP = b"[" * 200_000

# name: what is done to the good files, then file, line, column, key path, rule.
CASES: dict[str, tuple[Spoil, str, int, int, str, str]] = {
    # the text
    "empty": (data(b""), "state.json", 1, 1, "", "not-json"),
    "cut in the middle": (data(STATE[:400].encode()), "state.json", 11, 19, "", "not-json"),
    "trailing comma": (text('"docker"}\n  ],\n  "nodes"', '"docker"},\n  ],\n  "nodes"'), "state.json", 8, 3, "", "not-json"),
    "merge conflict": (text('  "version": 1,', '<<<<<<< HEAD\n  "version": 1,'), "state.json", 2, 1, "", "not-json"),
    "a number that JSON has not": (text('"generation": 3', '"generation": NaN'), "state.json", 6, 72, "", "not-json"),
    "nested too deeply": (data(DEEP), "state.json", 1, 1, "", "not-json"),
    "not UTF-8": (data(STATE.encode().replace(b"misty", b"mi\xff\xfey")), "state.json", 10, 36, "", "not-utf8"),
    "a list": (data(b"[]\n"), "state.json", 1, 1, "", "not-an-object"),
    "a key twice": (text('"provider": "docker", "serial"', '"provider": "docker", "name": "x", "serial"'), "state.json", 6, 44, "clusters[0].name", "duplicate-key"),
    # the version
    "a newer version": (text('"version": 1', '"version": 7'), "state.json", 2, 14, "version", "newer-version"),
    "a version that never was": (text('"version": 1', '"version": -1'), "state.json", 2, 14, "version", "version"),
    "a version in quotes": (text('"version": 1', '"version": "1"'), "state.json", 2, 14, "version", "wrong-type"),
    "today's keys without a version": (text('  "version": 1,\n', ""), "state.json", 1, 1, "version", "missing-key"),
    # the shape
    "an unknown key": (text('"currentCluster"', '"current_cluster"'), "state.json", 4, 3, "current_cluster", "unknown-key"),
    "an unknown key in a node": (text('"priority": 90', '"prio": 90'), "state.json", 13, 48, "nodes[1].prio", "unknown-key"),
    "a key is missing": (text('"cluster": "prod", "name": "swift-fox"', '"name": "swift-fox"'), "state.json", 12, 5, "nodes[1].cluster", "missing-key"),
    "no lineage": (text('  "lineage": "0123456789abcdef0123456789abcdef",\n', ""), "state.json", 1, 1, "lineage", "missing-key"),
    "a number in quotes": (text('"ordinal": 2', '"ordinal": "2"'), "state.json", 12, 57, "nodes[1].ordinal", "wrong-type"),
    "deployments as an object": (text('"deployments": [\n    {"cluster": "prod", "name": "api", "kind": "http", "release": "r1"}\n  ]', '"deployments": {}'), "state.json", 15, 18, "deployments", "wrong-type"),
    "routes as text": (text('"routes": [\n    {"cluster": "prod", "domain": "api.example.com", "service": "api"}\n  ]', '"routes": "none"'), "state.json", 18, 13, "routes", "wrong-type"),
    "a release that is no text": (text('{"caddy": "c1"}', '{"caddy": null}'), "state.json", 11, 102, "nodes[0].components.caddy", "wrong-type"),
    "an intent of a kind that is none": (text('"kind": "node"', '"kind": "droplet"'), "state.json", 22, 61, "intents[0].kind", "wrong-value"),
    "a mark that is no object": (text('{"n": 40, "serial": 40, "checksum": "%s"}' % ("sha256:" + "f" * 64), "40"), "state.json", 25, 13, "journal.prod", "wrong-type"),
    # what it says
    "a lineage that is none": (text("0123456789abcdef0123456789abcdef", "mine"), "state.json", 3, 14, "lineage", "lineage"),
    "a cluster twice": (text('{"name": "staging"', '{"name": "prod"'), "state.json", 7, 14, "clusters[1].name", "duplicate"),
    "a node twice": (text('"name": "swift-fox"', '"name": "misty-owl"'), "state.json", 12, 33, "nodes[1].name", "duplicate"),
    "an ordinal twice": (text('"ordinal": 2', '"ordinal": 1'), "state.json", 12, 57, "nodes[1].ordinal", "duplicate"),
    "a node of no cluster": (text('"cluster": "prod", "name": "swift-fox"', '"cluster": "gone", "name": "swift-fox"'), "state.json", 12, 17, "nodes[1].cluster", "unknown-cluster"),
    "a route of no cluster": (text('"cluster": "prod", "domain"', '"cluster": "gone", "domain"'), "state.json", 19, 17, "routes[0].cluster", "unknown-cluster"),
    "a name that is a path": (text('"currentCluster": "prod"', '"currentCluster": "../prod"'), "state.json", 4, 21, "currentCluster", "name"),
    "a port out of range": (text('"port": 22', '"port": 70000'), "state.json", 11, 56, "nodes[0].port", "range"),
    "a role that is none": (text('"role": "MASTER"', '"role": "leader"'), "state.json", 11, 68, "nodes[0].role", "role"),
    "generations that go back": (kept(at=1, number=2), "state.json", 6, 108, "clusters[0].generations", "range"),
    "a generation of no year": (kept(at=10**17, number=1), "state.json", 6, 155, "clusters[0].generations[0].at", "range"),
    "a serial that goes back": (text('"serial": 40, "generation"', '"serial": 12, "generation"'), "state.json", 25, 33, "journal.prod.serial", "serial"),
    # the file
    "too large": (too_large, "state.json", 1, 1, "", "too-large"),
    "a folder in its place": (instead_of_a_file("state.json"), "state.json", 1, 1, "", "not-a-file"),
    "a FIFO in its place": (fifo, "state.json", 1, 1, "", "not-a-file"),
    "gone, and its journal is there": (lost, "state.json", 1, 1, "", "lost-snapshot"),
    # the journal
    "a record cut short before a good one": (lambda f: os.truncate(path_of(f, 42), 100), R42, 1, 1, "", "torn-record"),
    "a record changed by hand": (inside(b'"address":"198.18.0.3"', b'"address":"198.18.0.9"', sealed=False), R42, 1, 13, "checksum", "checksum"),
    "a record is missing": (lambda f: path_of(f, 42).unlink(), ".dynia/journal/prod/00000043.json", 1, 113, "record.n", "record-gap"),
    "records of another state": (second(lineage="f" * 32), R42, 1, 155, "record.lineage", "lineage"),
    "a record of a newer Dynia": (inside(b'"version":1', b'"version":2'), R42, 1, 107, "record.version", "newer-version"),
    "a record of another cluster": (second(cluster="staging"), R42, 1, 126, "record.cluster", "record-cluster"),
    "a record under a wrong number": (second(n=44), R42, 1, 113, "record.n", "record-number"),
    "a record whose serial goes back": (second(serial=41), R42, 1, 142, "record.serial", "serial"),
    "a record of another story": (second(previous="sha256:" + "0" * 64), R42, 1, 258, "record.previous", "chain"),
    "a record with an unknown key": (inside(b'"kind":"note"', b'"kind":"note","x":1'), R42, 1, 346, "record.x", "unknown-key"),
    "a record with a wrong type": (inside(b'"n":42', b'"n":"42"'), R42, 1, 113, "record.n", "wrong-type"),
    "a record that changes another cluster": (second(changes=(PutNode(node=node("staging", 1)),)), R42, 1, 389, "record.changes", "record-change"),
    "a record that changes the context": (second(changes=(SetCurrent(name="prod"),)), R42, 1, 389, "record.changes", "record-change"),
    "a folder in a record's place": (instead_of_a_file(R41), R41, 1, 1, "", "not-a-file"),
    "a file in the journal's place": (no_journal_folder, ".dynia/journal/prod", 1, 1, "", "not-a-folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_state_is_refused_at_its_place_and_nothing_is_touched(name, tmp_path):
    spoil, file, line, column, key, rule = CASES[name]
    lay_out(tmp_path)
    spoil(tmp_path)
    before = everything(tmp_path)
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path)
    first = caught.value.mistakes[0]
    assert (first.file, first.line, first.column, first.key, first.rule) == (
        str(tmp_path / file), line, column, key, rule
    )  # fmt: skip
    assert everything(tmp_path) == before


def test_the_good_state_is_read(tmp_path):
    lay_out(tmp_path)
    store = open_store(tmp_path)
    assert [n.name for n in store.state.nodes_of("prod")] == ["misty-owl", "swift-fox", "node-3"]
    assert store.serial("prod") == 43
    assert store.state.intents == ()


def test_several_mistakes_are_told_at_once(tmp_path):
    spoilt = STATE.replace('"port": 22', '"port": 0').replace('"name": "staging"', '"name": "a/b"')
    (tmp_path / "state.json").write_text(spoilt)
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path)
    assert [m.key for m in caught.value.mistakes] == ["clusters[1].name", "nodes[0].port"]
    spoilt = STATE.replace('"port": 22', '"port": "22"').replace('"name": "staging"', '"nam": "staging"')
    (tmp_path / "state.json").write_text(spoilt.replace('"journal"', '"journals"'))
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path)
    assert [m.key for m in caught.value.mistakes] == ["journals", "clusters[1].nam", "nodes[0].port"]


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    class Locked(LocalDisk):
        def read(self, path: Path, limit: int) -> bytes:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    lay_out(tmp_path)
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path, disk=Locked())
    assert caught.value.mistakes[0].rule == "unreadable"
    assert caught.value.mistakes[0].message == "this file can't be read: permission denied"


def test_a_mistake_shows_its_line_and_underlines_it(tmp_path):
    lay_out(tmp_path)
    text('"port": 22', '"port": 70000')(tmp_path)
    with pytest.raises(BadInput) as caught:
        open_store(tmp_path)
    mistake = caught.value.mistakes[0]
    assert mistake.text[mistake.column - 1 :][: mistake.width] == "70000"


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"checksum":"sha256:00","record":{}}', b"\0" * 4096, b"\xff"]
)
def test_a_torn_tail_is_reported_set_aside_by_the_next_writer_and_forgotten(content, tmp_path):
    lay_out(tmp_path)
    path_of(tmp_path, 43).write_bytes(content)
    before = everything(tmp_path)
    store = open_store(tmp_path)
    assert "the last record of prod's journal (00000043.json) is torn" in store.notes[0]
    assert store.serial("prod") == 42
    assert everything(tmp_path) == before, "reading changes nothing"
    with store.lock("prod", "the next run"):
        assert any("00000043.torn" in note for note in store.notes)
        assert store.begin("prod", "again", b"{}") == 44, "the lease has the number of the torn one"
    assert (journal_of(tmp_path) / "00000043.torn").read_bytes() == content
    again = open_store(tmp_path)
    assert again.notes == ()
    assert again.serial("prod") == 43


def test_a_second_torn_record_of_the_same_number_does_not_replace_the_first(tmp_path):
    lay_out(tmp_path)
    (journal_of(tmp_path) / "00000044.torn").write_bytes(b"first")
    path_of(tmp_path, 44).write_bytes(b"second")
    with open_store(tmp_path).lock("prod", "the next run"):
        pass
    found = {path.name: path.read_bytes() for path in journal_of(tmp_path).glob("*.torn")}
    assert found == {"00000044.torn": b"first", "00000044-2.torn": b"second"}


def test_there_are_cases_and_rules_enough():
    assert len(CASES) >= 22
    assert len({rule for *_, rule in CASES.values()}) >= 10


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and status.st_size < 2**20 else b""
        found[str(path)] = (status.st_mtime_ns, content)
    return found
