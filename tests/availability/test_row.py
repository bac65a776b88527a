"""What a row tells of its requests, and when it tells nothing."""

from __future__ import annotations

import pytest

from tests.availability.client import Asked, Kind
from tests.availability.row import HEAD, LATE_S, Row, table
from tests.availability.sessions import Session
from tests.availability.wire import Outcome


def asked(number: int, *, seconds: float = 0.01, outcome: Outcome = Outcome.OK, late: float = 0.0) -> Asked:
    """One of a hundred a second, that a service was to answer in 0.1 s."""
    due = 1000 + number / 100
    good = outcome is Outcome.OK
    return Asked(
        number=number, kind=Kind(), due=due, begin=due + late, end=due + late + 0.1 + seconds, wait=0.1,
        outcome=outcome, node=("north", "south")[number % 2] if good else "",
    )  # fmt: skip


def row(*others: Asked, count: int = 2000, planned: int | None = None) -> Row:
    changed = {one.number: one for one in others}
    every = tuple(changed.get(number, asked(number)) for number in range(count))
    return Row(name="one", planned=count if planned is None else planned, asked=every)


def test_the_slowest_and_those_of_999_in_a_thousand() -> None:
    one = row(*(asked(number, seconds=3.0) for number in (5, 6)))
    assert one.slowest == pytest.approx(3.0) and one.most == pytest.approx(0.01)
    assert row(*(asked(number, seconds=3.0) for number in (5, 6, 7))).most == pytest.approx(3.0)


def test_what_failed_is_neither_slow_nor_answers() -> None:
    one = row(asked(7, seconds=9.0, outcome=Outcome.TIMEOUT))
    assert (one.sent, len(one.failed), len(one.good)) == (2000, 1, 1999)
    assert one.slowest == pytest.approx(0.01)
    assert "1 of 2000 failed: 1 timeout" in one.why()
    assert one.shares() == pytest.approx({"north": 1000 / 1999, "south": 999 / 1999})


def test_the_gap_is_between_two_good_answers() -> None:
    lost = [asked(number, outcome=Outcome.REFUSED) for number in range(500, 540)]
    one = row(*lost, asked(540, seconds=0.02))
    assert one.gap == pytest.approx(0.42)


def test_a_row_whose_load_was_late_or_incomplete_tells_nothing() -> None:
    assert row().invalid == ""
    assert row(asked(9, late=LATE_S - 0.01)).invalid == ""
    assert "the schedule was not kept" in row(asked(9, late=LATE_S + 0.01)).invalid
    assert row(planned=2001).invalid == "2001 requests were planned and 2000 sent"
    assert Row(name="none", planned=0, asked=()).invalid == "nothing was answered at all"


def test_a_node_that_hardly_answers_is_named() -> None:
    few = [asked(n, outcome=Outcome.STATUS) for n in range(1, 2000, 2)][:900]
    assert row(*few).idle(["north", "south", "west"]) == ["south", "west"]


def test_the_table_and_its_sum() -> None:
    sessions = (
        Session(kind="socket", begin=0, end=1, outcome=Outcome.OK),
        Session(kind="socket", begin=0, end=1, outcome=Outcome.CUT),
        Session(kind="download", begin=0, end=1, outcome=Outcome.OK),
    )
    first = row(asked(3, outcome=Outcome.CUT))
    second = Row(name="two", planned=2001, asked=row().asked, sessions=sessions)
    lines = table((first, second))
    assert lines[0] == HEAD
    assert lines[1].split()[:4] == ["one", "2000", "2000", "1"]
    assert lines[1].endswith("0/0     0/0  50 50")
    assert "1/2     1/1" in lines[2]
    assert lines[2].endswith("NOT VALID: 2001 requests were planned and 2000 sent")
    assert lines[3] == (
        "sum: 2 rows, 4000 requests sent of 4001 planned, 1 failed, 0 sent again, 1 of 3 sessions cut, 1 rows not valid"
    )
