"""The manifest as text: what it holds, and that nothing but the real thing passes for its seal."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.state.manifest import Seal, Sealer, part_of, read_seal
from dynia.state.model import State, change
from tests.fakes import states

LINEAGE = "0123456789abcdef0123456789abcdef"


def state_of(*names: str) -> State:
    found = State(lineage=LINEAGE)
    for name in names:
        for one in (*states.recorded(name), *states.born(name, 1), *states.good(name, 1, "haproxy", "r1")):
            found = change(found, one)
        found = change(found, states.services(name, "api"))
    return found


def seal_in(content: bytes) -> Seal | None:
    return read_seal(content.decode().splitlines()[-1])


def test_it_is_one_json_object_of_two_lines_with_the_state_of_this_cluster_alone() -> None:
    sealer = Sealer(state_of("prod", "staging"), "prod")
    content = sealer.content("node-1", serial=7, fencing=3)
    assert content.endswith(b"}\n") and content.count(b"\n") == 2
    told = json.loads(content)
    assert [c["name"] for c in told["state"]["clusters"]] == ["prod"]
    assert {n["cluster"] for n in told["state"]["nodes"]} == {"prod"}
    assert {d["cluster"] for d in (*told["state"]["deployments"], *told["state"]["routes"])} == {"prod"}
    assert (told["lineage"], told["cluster"], told["node"]) == (LINEAGE, "prod", "node-1")
    assert (told["serial"], told["fencing"], told["version"]) == (7, 3, 1)
    seal = seal_in(content)
    assert seal is not None and seal.age == (3, 7) and seal.digest == sealer.digest


def test_its_digest_is_told_without_making_it_for_every_node() -> None:
    sealer = Sealer(state_of("prod"), "prod")
    content = sealer.content("node-1", serial=7, fencing=3)
    said = sealer.digest_of("node-1", serial=7, fencing=3)
    assert said == "sha256:" + hashlib.sha256(content).hexdigest()


def test_what_counts_writes_is_in_the_seal_alone() -> None:
    """Else a manifest would be old again as soon as it is written."""
    before = state_of("prod")
    (home,) = before.clusters
    after = replace(before, clusters=(replace(home, serial=home.serial + 5),), current_cluster="prod")
    assert part_of(before, "prod") == part_of(after, "prod")


def test_a_seal_of_which_one_word_was_changed_is_none() -> None:
    line = Sealer(state_of("prod"), "prod").content("node-1", serial=7, fencing=0).decode().splitlines()[-1]
    assert read_seal(line) is not None
    for before, after in (('"serial":7', '"serial":8'), ("node-1", "node-2"), ('"fencing":0', '"fencing":9')):
        assert before in line
        assert read_seal(line.replace(before, after)) is None


@given(st.text(max_size=300))
def test_any_other_text_is_no_seal(line: str) -> None:
    assert read_seal(line) is None
