"""What every DNS provider promises. Each case is applied twice: the first changes, the second must not.

What is there is asked of the zone's server, or of its vendor, and not of Dynia.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dynia.interfaces.errors import DyniaError, NotObservedError, Refused, Stale
from dynia.interfaces.observed import DnsRecord
from dynia.interfaces.shape import Shape
from dynia.providers.protocols import DnsMark, DnsWish
from tests.contract.dns_world import DnsWorld, Seen

OURS, OTHER = "198.18.7.5", "198.18.7.6"


class Twice(Shape):
    """The zone before a call, after it, and after the same call again."""

    before: Seen
    once: Seen
    again: Seen

    @property
    def first_changes_second_does_not(self) -> bool:
        return self.before != self.once and self.once == self.again


def twice(world: DnsWorld, call: Callable[[], Awaitable[object]]) -> Twice:
    before = world.now()
    asyncio.run(_awaited(call))
    once = world.now()
    asyncio.run(_awaited(call))
    return Twice(before=before, once=once, again=world.now())


async def _awaited(call: Callable[[], Awaitable[object]]) -> object:
    return await call()


def name(world: DnsWorld, word: str = "api") -> str:
    return f"{word}.{world.zone}"


def a(world: DnsWorld, word: str = "api", value: str = OURS) -> DnsWish:
    return DnsWish(name=name(world, word), type="A", value=value)


def cname(world: DnsWorld, word: str, to: str) -> DnsWish:
    return DnsWish(name=name(world, word), type="CNAME", value=name(world, to))


def create(world: DnsWorld, wish: DnsWish, mark: DnsMark | None = None) -> DnsRecord:
    return asyncio.run(world.provider.create_record(world.zone, wish, mark or world.mark))


def listed(world: DnsWorld, mark: DnsMark | None = None) -> tuple[DnsRecord, ...]:
    return asyncio.run(world.provider.list_records(world.zone, mark or world.mark))


def at(world: DnsWorld, word: str, mark: DnsMark | None = None) -> tuple[DnsRecord, ...]:
    return asyncio.run(world.provider.look_up(world.zone, name(world, word), mark or world.mark))


def another(world: DnsWorld) -> DnsMark:
    return DnsMark(lineage=world.mark.lineage, cluster="staging")


def adopt(world: DnsWorld, found: DnsRecord, wish: DnsWish) -> Callable[[], Awaitable[object]]:
    return lambda: world.provider.adopt_record(world.zone, found.record_id, wish, world.mark)


def delete(world: DnsWorld, found: DnsRecord) -> Callable[[], Awaitable[object]]:
    return lambda: world.provider.delete_record(world.zone, found.record_id, world.mark)


def test_create_makes_an_a_record_and_the_second_time_returns_it(dns_world: DnsWorld) -> None:
    given = []

    async def call() -> None:
        given.append(await dns_world.provider.create_record(dns_world.zone, a(dns_world), dns_world.mark))

    assert twice(dns_world, call).first_changes_second_does_not
    assert dns_world.answers(name(dns_world), "A") == [OURS]
    assert given[0] == given[1]
    assert given[0] in listed(dns_world)
    assert (given[0].name, given[0].type, given[0].value, given[0].ours) == (
        name(dns_world), "A", OURS, True,
    )  # fmt: skip


def test_create_makes_a_cname(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world))
    wish = cname(dns_world, "www", "api")
    made = twice(dns_world, lambda: dns_world.provider.create_record(dns_world.zone, wish, dns_world.mark))
    assert made.first_changes_second_does_not
    assert dns_world.answers(name(dns_world, "www"), "CNAME") == [name(dns_world)]
    assert [(r.type, r.value, r.ours) for r in at(dns_world, "www")] == [("CNAME", name(dns_world), True)]


def test_the_zone_s_own_name_can_have_an_a_record(dns_world: DnsWorld) -> None:
    wish = DnsWish(name=dns_world.zone, type="A", value=OURS)
    create(dns_world, wish)
    assert dns_world.answers(dns_world.zone, "A") == [OURS]
    found = [r for r in listed(dns_world) if r.ours]
    assert [(r.name, r.type) for r in found] == [(dns_world.zone, "A")]
    assert twice(dns_world, delete(dns_world, found[0])).first_changes_second_does_not


@pytest.mark.parametrize(
    ("kind", "value"), [("A", "203.0.113.7"), ("AAAA", "2001:db8::7"), ("CNAME", "else.example.net")]
)
def test_create_where_somebody_else_has_the_name_is_refused(
    dns_world: DnsWorld, kind: str, value: str
) -> None:
    dns_world.put(name(dns_world), kind, value)
    before = dns_world.now()
    with pytest.raises(Refused):
        create(dns_world, a(dns_world))
    assert dns_world.now() == before


def test_a_record_of_the_same_value_that_somebody_else_made_is_not_ours(dns_world: DnsWorld) -> None:
    dns_world.put(name(dns_world), "A", OURS)
    assert [r.ours for r in at(dns_world, "api")] == [False]
    with pytest.raises(Refused):
        create(dns_world, a(dns_world))


def test_what_another_cluster_has_is_not_ours(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world), another(dns_world))
    assert [r.ours for r in at(dns_world, "api")] == [False]
    assert [r.ours for r in at(dns_world, "api", another(dns_world))] == [True]
    before = dns_world.now()
    with pytest.raises(Refused):
        create(dns_world, a(dns_world))
    with pytest.raises(Refused):
        asyncio.run(_awaited(delete(dns_world, at(dns_world, "api")[0])))
    assert dns_world.now() == before


def test_adopt_takes_over_somebody_else_s_record(dns_world: DnsWorld) -> None:
    dns_world.put(name(dns_world), "A", "203.0.113.7")
    found = at(dns_world, "api")[0]
    assert twice(dns_world, adopt(dns_world, found, a(dns_world))).first_changes_second_does_not
    assert dns_world.answers(name(dns_world), "A") == [OURS]
    assert [(r.value, r.ours) for r in at(dns_world, "api")] == [(OURS, True)]


def test_adopt_only_marks_a_record_that_says_the_right_thing_already(dns_world: DnsWorld) -> None:
    dns_world.put(name(dns_world), "A", OURS)
    found = at(dns_world, "api")[0]
    assert twice(dns_world, adopt(dns_world, found, a(dns_world))).first_changes_second_does_not
    assert dns_world.answers(name(dns_world), "A") == [OURS]
    assert [r.ours for r in at(dns_world, "api")] == [True]


def test_adopt_changes_a_record_of_ours(dns_world: DnsWorld) -> None:
    found = create(dns_world, a(dns_world))
    changed = twice(dns_world, adopt(dns_world, found, a(dns_world, value=OTHER)))
    assert changed.first_changes_second_does_not
    assert dns_world.answers(name(dns_world), "A") == [OTHER]
    assert len(changed.once) == len(changed.before), "nothing of the old one is left"


def test_adopt_changes_the_type_too(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world))
    found = create(dns_world, a(dns_world, "www"))
    wish = cname(dns_world, "www", "api")
    assert twice(dns_world, adopt(dns_world, found, wish)).first_changes_second_does_not
    assert dns_world.answers(name(dns_world, "www"), "CNAME") == [name(dns_world)]
    assert [(r.type, r.ours) for r in at(dns_world, "www")] == [("CNAME", True)]


def test_adopt_of_a_record_that_is_gone_is_stale(dns_world: DnsWorld) -> None:
    dns_world.put(name(dns_world), "A", "203.0.113.7")
    found = at(dns_world, "api")[0]
    dns_world.take(name(dns_world), "A", "203.0.113.7")
    before = dns_world.now()
    with pytest.raises(Stale):
        asyncio.run(_awaited(adopt(dns_world, found, a(dns_world))))
    assert dns_world.now() == before


def test_a_second_record_of_somebody_else_survives_adoption_and_deletion(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world))
    dns_world.put(name(dns_world), "A", "203.0.113.7")
    assert {(r.value, r.ours) for r in at(dns_world, "api")} == {(OURS, True), ("203.0.113.7", False)}
    mine = next(r for r in at(dns_world, "api") if r.ours)
    asyncio.run(_awaited(adopt(dns_world, mine, a(dns_world, value=OTHER))))
    assert dns_world.answers(name(dns_world), "A") == sorted([OTHER, "203.0.113.7"])
    mine = next(r for r in at(dns_world, "api") if r.ours)
    asyncio.run(_awaited(delete(dns_world, mine)))
    assert dns_world.answers(name(dns_world), "A") == ["203.0.113.7"]
    assert [r.ours for r in at(dns_world, "api")] == [False]


def test_a_value_that_was_changed_by_hand_is_still_ours_and_can_be_put_back(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world))
    dns_world.edit(name(dns_world), "A", OURS, OTHER)
    found = [r for r in at(dns_world, "api") if r.type == "A"]
    assert [(r.value, r.ours) for r in found] == [(OTHER, True)]
    assert twice(dns_world, adopt(dns_world, found[0], a(dns_world))).first_changes_second_does_not
    assert dns_world.answers(name(dns_world), "A") == [OURS]


def test_a_record_that_was_deleted_by_hand_is_made_again(dns_world: DnsWorld) -> None:
    create(dns_world, a(dns_world))
    whole = dns_world.now()
    dns_world.take(name(dns_world), "A", OURS)
    assert [r for r in at(dns_world, "api") if r.type == "A"] == []
    create(dns_world, a(dns_world))
    assert dns_world.now() == whole


def test_what_is_left_when_a_record_was_deleted_by_hand_can_be_removed(dns_world: DnsWorld) -> None:
    """Where marks are records of their own."""
    empty = dns_world.now()
    create(dns_world, a(dns_world))
    dns_world.take(name(dns_world), "A", OURS)
    for left in listed(dns_world):
        if left.ours:
            asyncio.run(_awaited(delete(dns_world, left)))
    assert dns_world.now() == empty


def test_delete_takes_the_record_and_every_trace_of_it(dns_world: DnsWorld) -> None:
    empty = dns_world.now()
    found = create(dns_world, a(dns_world))
    assert twice(dns_world, delete(dns_world, found)).first_changes_second_does_not
    assert dns_world.now() == empty


def test_delete_of_a_record_without_our_mark_is_refused(dns_world: DnsWorld) -> None:
    dns_world.put(name(dns_world), "A", "203.0.113.7")
    before = dns_world.now()
    with pytest.raises(Refused):
        asyncio.run(_awaited(delete(dns_world, at(dns_world, "api")[0])))
    assert dns_world.now() == before


def test_everything_around_it_stays(dns_world: DnsWorld) -> None:
    for word, kind, value in (
        ("api", "TXT", '"v=spf1 -all"'), ("mail", "A", "203.0.113.9"), ("six", "AAAA", "2001:db8::9"),
        ("alias", "CNAME", "else.example.net"),
    ):  # fmt: skip
        dns_world.put(name(dns_world, word), kind, value)
    before = dns_world.now()
    asyncio.run(_awaited(adopt(dns_world, create(dns_world, a(dns_world)), a(dns_world, value=OTHER))))
    assert before < dns_world.now()
    asyncio.run(_awaited(delete(dns_world, at(dns_world, "api")[0])))
    for found in at(dns_world, "api"):
        if found.ours:
            asyncio.run(_awaited(delete(dns_world, found)))
    assert dns_world.now() == before


def test_many_records_are_all_listed(dns_world: DnsWorld) -> None:
    for number in range(130):
        dns_world.put(name(dns_world, f"host-{number}"), "A", f"198.18.9.{number}")
    create(dns_world, a(dns_world))
    found = {r.name: r.ours for r in listed(dns_world) if r.type == "A"}
    assert len([n for n in found if n.startswith("host-")]) == 130
    assert [n for n, ours in found.items() if ours] == [name(dns_world)]


def test_several_at_a_time_are_all_made(dns_world: DnsWorld) -> None:
    words = [f"w{number}" for number in range(12)]

    async def call() -> None:
        provider = dns_world.provider
        async with asyncio.TaskGroup() as group:
            for word in words:
                group.create_task(provider.create_record(dns_world.zone, a(dns_world, word), dns_world.mark))

    assert twice(dns_world, call).first_changes_second_does_not
    assert {name(dns_world, w) for w in words} == {r.name for r in listed(dns_world) if r.ours}


def test_texts_stand_beside_each_other_and_go_one_by_one(dns_world: DnsWorld) -> None:
    challenge = name(dns_world, "_acme-challenge.api")
    one, two = "a" * 43, "b" * 43

    def put(text: str) -> Callable[[], Awaitable[object]]:
        return lambda: dns_world.provider.put_text(dns_world.zone, challenge, text)

    def drop(text: str) -> Callable[[], Awaitable[object]]:
        return lambda: dns_world.provider.drop_text(dns_world.zone, challenge, text)

    empty = dns_world.now()
    assert twice(dns_world, put(one)).first_changes_second_does_not
    assert twice(dns_world, put(two)).first_changes_second_does_not
    assert dns_world.answers(challenge, "TXT") == [f'"{one}"', f'"{two}"']
    assert twice(dns_world, drop(one)).first_changes_second_does_not
    assert dns_world.answers(challenge, "TXT") == [f'"{two}"']
    asyncio.run(_awaited(drop(two)))
    assert dns_world.now() == empty


def test_credentials_that_the_vendor_does_not_take_are_told_as_such(dns_world: DnsWorld) -> None:
    before = dns_world.now()
    provider = dns_world.stranger()
    for call in (
        lambda: provider.list_records(dns_world.zone, dns_world.mark),
        lambda: provider.create_record(dns_world.zone, a(dns_world), dns_world.mark),
    ):
        with pytest.raises(DyniaError) as caught:
            asyncio.run(_awaited(call))
        assert not isinstance(caught.value, NotObservedError)
        assert caught.value.hint
    assert dns_world.now() == before


def test_a_vendor_that_does_not_answer_is_not_observed(dns_world: DnsWorld) -> None:
    with dns_world.silent(), pytest.raises(NotObservedError):
        listed(dns_world)
