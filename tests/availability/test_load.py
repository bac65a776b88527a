"""The load counts right, whatever a server does to it: each request once, by what became of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.availability.client import Client, Kind
from tests.availability.crooked import NODES, RELEASE, Crooked, Deed
from tests.availability.load import MIX, WAITS, Load
from tests.availability.row import Row
from tests.availability.wire import Outcome, Target

EXPECTED = {
    Deed.ANSWER: Outcome.OK,
    Deed.ANSWER_AND_LEAVE: Outcome.OK,
    Deed.CLOSE: Outcome.UNANSWERED,
    Deed.CLOSE_ONCE: Outcome.UNANSWERED,
    Deed.RESET: Outcome.UNANSWERED,
    Deed.RESET_ONCE: Outcome.UNANSWERED,
    Deed.CUT: Outcome.CUT,
    Deed.CUT_BY_RESET: Outcome.CUT,
    Deed.FAIL: Outcome.STATUS,
    Deed.OF_ANOTHER: Outcome.WRONG,
    Deed.OLD: Outcome.WRONG,
    Deed.FOREIGN: Outcome.WRONG,
    Deed.HANG: Outcome.TIMEOUT,
}
ONCE = (Deed.CLOSE_ONCE, Deed.RESET_ONCE)


def load(target: Target, *, timeout_s: float = 30.0, most_s: float = 60.0, around_s: float = 0.1) -> Row:
    """What becomes of a short one."""
    with Load(
        "short", target, rate=200, around_s=around_s, timeout_s=timeout_s, most_s=most_s, waits=(0.0,),
        sessions=(), releases=frozenset((RELEASE,)),
    ) as made:  # fmt: skip
        pass
    return made.row


def check(row: Row, crooked: Crooked) -> None:
    """Each planned request was sent once, and became what the server's own memory says."""
    assert row.sent == row.planned == row.outcomes.total() > 20
    assert sorted(one.number for one in row.asked) == list(range(row.planned))
    for one in row.asked:
        deed = crooked.deed(one.number)
        # The one retry: of what may be repeated, after a close of a connection that had carried another one before.
        forgiven = deed in ONCE and crooked.first[one.number]
        assert one.outcome is (Outcome.OK if forgiven else EXPECTED[deed]), (deed, one)
        assert one.retried or not forgiven
        assert crooked.seen.count(one.number) <= 2
        assert crooked.seen.count(one.number) == 1 or one.retried
    assert len(row.failed) == row.sent - row.outcomes[Outcome.OK]


@settings(max_examples=25)
@given(
    deeds=st.lists(st.sampled_from([one for one in Deed if one is not Deed.HANG]), min_size=1, max_size=12)
)
def test_sent_is_planned_and_the_sum_of_what_became_of_it(deeds: Sequence[Deed]) -> None:
    with Crooked(*deeds) as crooked:
        row = load(crooked.target)
    check(row, crooked)


def test_what_hangs_ends_after_its_time() -> None:
    with Crooked(Deed.HANG) as crooked:
        row = load(crooked.target, timeout_s=0.1)
    check(row, crooked)
    assert row.outcomes == {Outcome.TIMEOUT: row.planned}
    assert row.invalid == "nothing was answered at all"


def test_nobody_there_is_a_refusal() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        row = load(Target(address="127.0.0.1", port=nobody.getsockname()[1]))
    assert row.outcomes == {Outcome.REFUSED: row.planned}


def test_half_of_them_come_over_kept_connections() -> None:
    with Crooked(Deed.ANSWER) as crooked:
        row = load(crooked.target, around_s=0.5)
    kept = [one for one in row.asked if not one.kind.fresh]
    assert abs(len(kept) * 2 - row.sent) <= 2
    reused = [number for number, used in crooked.first.items() if used]
    assert reused
    assert all(not MIX[number % len(MIX)].fresh for number in reused)
    assert set(row.shares()) == set(NODES) and row.idle(NODES) == [] and row.idle(("west",)) == ["west"]


@pytest.mark.parametrize(
    ("kind", "answered"),
    [
        (Kind(fresh=False), True),
        (Kind(), False),
        (Kind(fresh=False, method="POST"), False),
        (Kind(method="POST"), False),
    ],
    ids=["kept", "fresh", "kept POST", "fresh POST"],
)
@pytest.mark.parametrize("deed", ONCE, ids=lambda deed: deed.name)
def test_only_what_may_be_repeated_is_sent_again_and_only_over_a_kept_connection(
    kind: Kind, answered: bool, deed: Deed
) -> None:
    async def twice(client: Client) -> Outcome:
        first = await client.ask(0, Kind(fresh=False), due=0)
        assert first.good
        second = await client.ask(1, kind, due=0)
        client.close()
        assert second.retried is answered
        return second.outcome

    with Crooked(Deed.ANSWER, deed) as crooked:
        outcome = asyncio.run(twice(Client(crooked.target, timeout_s=30)))
    assert outcome is (Outcome.OK if answered else Outcome.UNANSWERED)


def test_who_is_closed_twice_is_not_asked_a_third_time() -> None:
    async def twice(client: Client) -> Outcome:
        await client.ask(0, Kind(fresh=False), due=0)
        return (await client.ask(1, Kind(fresh=False), due=0)).outcome

    with Crooked(Deed.ANSWER, Deed.CLOSE) as crooked:
        outcome = asyncio.run(twice(Client(crooked.target, timeout_s=30)))
    assert outcome is Outcome.UNANSWERED
    assert crooked.seen == [0, 1, 1]


def test_a_load_that_came_to_its_bound_tells_nothing() -> None:
    with Crooked(Deed.ANSWER) as crooked:
        row = load(crooked.target, most_s=0.1, around_s=0.3)
    assert row.sent == 20 < row.planned
    assert "were planned and 20 sent" in row.invalid


def test_a_mistake_in_the_load_ends_it_where_it_is_used() -> None:
    with (
        Crooked(Deed.ANSWER) as crooked,
        pytest.raises(ExceptionGroup),
        Load("no kinds", crooked.target, mix=(), sessions=()),
    ):
        pytest.fail("it goes on")


@pytest.mark.parametrize(
    "address", ["192.0.2.7", "10.0.0.1", "198.17.255.255", "198.20.0.0", "::1", "0.0.0.0"]
)
def test_only_the_lab_and_this_machine_get_a_load(address: str) -> None:
    with pytest.raises(ValueError, match="gets no load"):
        Target(address=address)


def test_a_name_gets_no_load() -> None:
    with pytest.raises(ValueError, match="example"):
        Target(address="example.com")


def test_the_waits_are_from_50_to_300_ms() -> None:
    assert sorted(round(wait * 1000) for wait in WAITS) == list(range(50, 301))
