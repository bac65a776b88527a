"""What an action does about names that changed since the plan: read just before, looked at just after (law 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.errors import DyniaError, Stale
from dynia.interfaces.observed import DnsRecord
from dynia.providers.protocols import DnsMark, DnsProvider, DnsWish
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.actions.base import Tools
from tests.contract.cloudflare_world import CloudflareWorld
from tests.contract.dns_world import BindWorld, DnsWorld

OURS, THEIRS = "198.18.7.5", "203.0.113.7"
replace = msgspec.structs.replace


@dataclass
class Names:
    """As much of a run as names need."""

    dns: DnsProvider
    lineage: str
    cluster: str


@pytest.fixture(params=[BindWorld, CloudflareWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DnsWorld]:
    made: DnsWorld = request.param(tmp_path)
    yield made
    made.stop()


def run(world: DnsWorld, action: BindDns | UnbindDns, dns: DnsProvider | None = None) -> None:
    names = Names(dns or world.provider, world.mark.lineage, world.mark.cluster)
    tools: Tools = names  # type: ignore[assignment]
    asyncio.run(action.run(tools))


def at(world: DnsWorld) -> tuple[DnsRecord, ...]:
    return asyncio.run(world.provider.look_up(world.zone, f"api.{world.zone}", world.mark))


def bind(world: DnsWorld, **more: object) -> BindDns:
    return replace(BindDns(zone=world.zone, domain=f"api.{world.zone}", record="A", value=OURS), **more)


def test_a_name_is_bound_and_the_same_again_changes_nothing(world: DnsWorld) -> None:
    run(world, bind(world))
    once = world.now()
    run(world, bind(world))
    assert world.now() == once
    assert world.answers(f"api.{world.zone}", "A") == [OURS]


def test_a_record_that_came_since_the_plan_stops_the_bind(world: DnsWorld) -> None:
    world.put(f"api.{world.zone}", "A", THEIRS)
    before = world.now()
    with pytest.raises(Stale, match=rf"changed since plan: was nothing, is A {THEIRS}"):
        run(world, bind(world))
    assert world.now() == before


def test_another_record_than_the_one_that_was_shown_is_not_taken_over(world: DnsWorld) -> None:
    world.put(f"api.{world.zone}", "A", THEIRS)
    found = at(world)
    world.edit(f"api.{world.zone}", "A", THEIRS, "203.0.113.8")
    before = world.now()
    with pytest.raises(Stale, match=rf"was A {THEIRS}, is A 203\.0\.113\.8"):
        run(world, bind(world, found=found, replaces=found[0].record_id))
    assert world.now() == before


def test_what_was_shown_is_taken_over(world: DnsWorld) -> None:
    world.put(f"api.{world.zone}", "A", THEIRS)
    found = at(world)
    run(world, bind(world, found=found, replaces=found[0].record_id))
    assert world.answers(f"api.{world.zone}", "A") == [OURS]


def test_a_record_of_ours_that_was_edited_since_the_plan_is_not_removed(world: DnsWorld) -> None:
    run(world, bind(world))
    (found,) = at(world)
    world.edit(f"api.{world.zone}", "A", OURS, THEIRS)
    before = world.now()
    with pytest.raises(Stale, match="changed since plan"):
        run(world, UnbindDns(zone=world.zone, domain=found.name, found=found))
    assert world.now() == before


def test_unbind_takes_it_away_and_the_same_again_changes_nothing(world: DnsWorld) -> None:
    empty = world.now()
    run(world, bind(world))
    (found,) = at(world)
    for _ in range(2):
        run(world, UnbindDns(zone=world.zone, domain=found.name, found=found))
        assert world.now() == empty


class Forgetful:
    """The real provider, but what it says it made is not there, as at a server that drops updates."""

    def __init__(self, real: DnsProvider) -> None:
        self._real = real

    async def look_up(self, zone: str, name: str, mark: DnsMark) -> tuple[DnsRecord, ...]:
        return await self._real.look_up(zone, name, mark)

    async def create_record(self, zone: str, wish: DnsWish, mark: DnsMark) -> DnsRecord:
        return DnsRecord(record_id="1", name=wish.name, type=wish.type, value=wish.value, ours=True)

    async def delete_record(self, zone: str, record_id: str, mark: DnsMark) -> None:
        return None


def test_no_success_without_the_record_being_seen(world: DnsWorld) -> None:
    lost: DnsProvider = Forgetful(world.provider)  # type: ignore[assignment]
    with pytest.raises(DyniaError, match=f"took A {OURS} and has nothing"):
        run(world, bind(world), lost)
    run(world, bind(world))
    (found,) = at(world)
    with pytest.raises(DyniaError, match="still has"):
        run(world, UnbindDns(zone=world.zone, domain=found.name, found=found), lost)
