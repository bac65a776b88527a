"""A state made again from manifests: the newest of the lineage wins, whole, whoever answers and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import ProviderAddress, ProviderNode
from dynia.state.manifest import Manifest, Sealer, read_manifest
from dynia.state.model import PutCluster, State, change
from dynia.state.rebuilt import Heard, check_may_write, choose_lineage, rebuild, writing
from tests.fakes import states

LINEAGE, OTHER = "0123456789abcdef0123456789abcdef", "f" * 32
NODES = 4


def state_at(epoch: int, lineage: str = LINEAGE) -> State:
    """A cluster of four nodes after so many applies: another release and another generation each time."""
    found = State(lineage=lineage)
    for one in states.recorded("prod"):
        found = change(found, one)
    for ordinal in range(1, NODES + 1):
        for one in (
            *states.born("prod", ordinal),
            *states.good("prod", ordinal, "haproxy", f"r{epoch}"),
            *states.good("prod", ordinal, "caddy", "same"),
        ):
            found = change(found, one)
    # One release that only the last node has.
    for one in states.good("prod", NODES, "failover", f"r{epoch}"):
        found = change(found, one)
    found = change(found, states.services("prod", f"api{epoch}"))
    (home,) = found.clusters
    return change(found, PutCluster(cluster=replace(home, generation=epoch)))


def manifest(ordinal: int, epoch: int, fencing: int = 1, lineage: str = LINEAGE) -> Manifest:
    sealer = Sealer(state_at(epoch, lineage), "prod")
    content = sealer.content(f"node-{ordinal}", serial=10 * epoch + ordinal % 2, fencing=fencing)
    return read_manifest(f"node-{ordinal}", content)


def machine(ordinal: int, **more: object) -> ProviderNode:
    made = ProviderNode(
        provider_id=f"id-{ordinal}", name=f"node-{ordinal}", ordinal=ordinal, status="running",
        public_ip=f"198.18.0.{ordinal}", private_ip=f"198.18.1.{ordinal}", host_key="ssh-ed25519 AAAA",
    )  # fmt: skip
    return replace(made, **more)


def heard(ordinal: int, epoch: int = 3, **more: object) -> Heard:
    return Heard(machine=machine(ordinal), lineage=LINEAGE, manifest=manifest(ordinal, epoch, **more))


def silent(one: Heard) -> Heard:
    return Heard(machine=one.machine, silence="connection refused")


@st.composite
def answers(draw: st.DrawFn) -> list[Heard]:
    """Each node was told of some apply, by some run; what runs are numbered by never goes back."""
    epochs = draw(st.lists(st.integers(1, 5), min_size=NODES, max_size=NODES))
    fenced = draw(st.booleans())
    return [
        heard(ordinal, epoch, fencing=epoch if fenced else 1) for ordinal, epoch in enumerate(epochs, start=1)
    ]


def newest(told: list[Heard]) -> list[int]:
    ages = [one.manifest.seal.age if one.manifest else (0, 0) for one in told]
    return [n for n, age in enumerate(ages) if age == max(ages)]


@given(answers(), st.randoms())
def test_every_set_of_nodes_with_one_of_the_newest_gives_the_same_state(
    told: list[Heard], lot: object
) -> None:
    whole = rebuild("prod", "docker", LINEAGE, tuple(told))
    keep = set(lot.sample(range(NODES), lot.randint(0, NODES))) | {lot.choice(newest(told))}  # type: ignore[attr-defined]
    fewer = [one if n in keep else silent(one) for n, one in enumerate(told)]
    lot.shuffle(fewer)  # type: ignore[attr-defined]
    some = rebuild("prod", "docker", LINEAGE, tuple(fewer))
    assert (some.state, some.serial, some.fencing) == (whole.state, whole.serial, whole.fencing)
    assert {name for name, text in some.notes if text.startswith("not observed")} == {
        f"node-{n + 1}" for n in range(NODES) if n not in keep
    }


@given(answers(), st.randoms())
def test_the_order_does_not_matter_and_an_older_one_never_wins(told: list[Heard], lot: object) -> None:
    found = rebuild("prod", "docker", LINEAGE, tuple(told))
    shuffled = list(told)
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rebuild("prod", "docker", LINEAGE, tuple(shuffled)) == found
    best = told[newest(told)[0]].manifest
    assert best is not None
    assert (found.fencing, found.serial, found.generation) == (*best.seal.age, best.seal.generation)
    assert replace(found.state, clusters=()) == replace(best.state, clusters=())
    older = {
        f"node-{n}"
        for n, one in enumerate(told, start=1)
        if one.manifest and one.manifest.seal.age < best.seal.age
    }
    assert {name for name, text in found.notes if "is older" in text} == older


@given(answers(), st.integers(0, NODES - 1))
def test_another_lineage_is_never_mixed_in(told: list[Heard], at: int) -> None:
    foreign = Heard(machine=told[at].machine, lineage=OTHER, manifest=manifest(at + 1, 9, 9, OTHER))
    rest = [one if n != at else foreign for n, one in enumerate(told)]
    found = rebuild("prod", "docker", LINEAGE, tuple(rest))
    assert found == replace(
        rebuild("prod", "docker", LINEAGE, tuple(silent(o) if n == at else o for n, o in enumerate(told))),
        notes=found.notes,
    )
    assert any("of another state" in text for _, text in found.notes)
    with pytest.raises(Refused, match="machines of 2 states") as refused:
        choose_lineage("prod", rest, (), "")
    assert LINEAGE in refused.value.message and OTHER in refused.value.message
    assert choose_lineage("prod", rest, (), OTHER) == OTHER


def test_a_tie_that_no_apply_writes_is_told_and_always_ends_the_same_way() -> None:
    one = heard(1, 3)
    odd = state_at(3)
    sealed = Sealer(change(odd, states.services("prod", "other")), "prod").content(
        "node-3", serial=31, fencing=1
    )
    other = Heard(machine=machine(3), manifest=read_manifest("node-3", sealed))
    found = rebuild("prod", "docker", LINEAGE, (one, other))
    assert found == rebuild("prod", "docker", LINEAGE, (other, one))
    assert ["says something else" in text for _, text in found.notes].count(True) == 1


def test_what_the_provider_knows_better_comes_on_top() -> None:
    moved = replace(heard(1), machine=machine(1, public_ip="198.18.0.99", host_key="ssh-ed25519 BBBB"))
    lost = heard(7)
    found = rebuild("prod", "docker", LINEAGE, (moved, heard(2), heard(3), replace(lost, manifest=None)))
    node = found.state.node("prod", "node-1")
    assert node is not None and (node.address, node.host_key) == ("198.18.0.99", "ssh-ed25519 BBBB")
    assert found.state.clusters[0].next_ordinal == 8
    assert ("node-4", "in the newest manifest, and gone at the provider") in found.notes
    assert any(name == "node-7" and "in no manifest" in text for name, text in found.notes)


def test_without_any_manifest_what_carries_our_tags_is_ours() -> None:
    address = ProviderAddress(provider_id="ip-1", address="198.18.0.50")
    bare = [replace(heard(n), manifest=None) for n in (1, 2)]
    found = rebuild("prod", "docker", LINEAGE, tuple(bare), (address,))
    (home,) = found.state.clusters
    assert (home.next_ordinal, home.reserved_ip and home.reserved_ip.address) == (3, "198.18.0.50")
    assert found.state.nodes == () and found.newest == ()


def test_no_machine_at_all_is_refused() -> None:
    with pytest.raises(Refused, match="nothing to rebuild from"):
        choose_lineage("prod", (), (), "")
    with pytest.raises(Refused, match="nothing is of lineage"):
        choose_lineage("prod", [heard(1)], (), OTHER)


def test_it_may_not_replace_what_is_not_lost() -> None:
    found = rebuild("prod", "docker", LINEAGE, (heard(1), heard(2)))
    check_may_write(State(), found, "prod")
    check_may_write(State(lineage=OTHER), found, "prod")
    (home,) = state_at(2).clusters
    older = change(state_at(2), PutCluster(cluster=replace(home, serial=5)))
    check_may_write(older, found, "prod")
    newer = change(state_at(3), PutCluster(cluster=replace(home, serial=found.serial)))
    with pytest.raises(Refused, match="is in the state already"):
        check_may_write(newer, found, "prod")
    with pytest.raises(Refused, match="of another lineage"):
        check_may_write(replace(older, lineage=OTHER), found, "prod")


def test_what_is_written_is_what_was_found_and_other_clusters_stay() -> None:
    found = rebuild("prod", "docker", LINEAGE, (heard(1), heard(2)))
    kept = State(lineage=LINEAGE)
    for one in (*states.recorded("staging"), *states.born("staging", 1)):
        kept = change(kept, one)
    before = kept
    for _ in range(2):  # on a state that lacks the cluster, and on one that has it
        for one in writing(kept, found, "prod"):
            kept = change(kept, one)
        assert [c for c in kept.clusters if c.name == "prod"] == list(found.state.clusters)
        assert tuple(n for n in kept.nodes if n.cluster == "prod") == found.state.nodes
        assert kept.deployments == found.state.deployments and kept.routes == found.state.routes
    assert [c for c in kept.clusters if c.name == "staging"] == list(before.clusters)


@pytest.mark.parametrize("cut", [0, 1, 40, -200, -30, -2])
def test_one_that_is_torn_or_edited_is_no_manifest(cut: int) -> None:
    content = Sealer(state_at(3), "prod").content("node-1", serial=30, fencing=1)
    with pytest.raises(DyniaError):
        read_manifest("node-1", content[:cut])
    with pytest.raises(DyniaError):
        read_manifest("node-1", content.replace(b"198.18.0.1", b"198.18.0.9"))
