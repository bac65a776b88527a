"""Entries of drift that are no finding for a while: which, until when, and what the report says of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.desired import DriftIgnore
from dynia.interfaces.errors import Refused
from dynia.services.planning.drift_items import is_called, item
from dynia.services.planning.ignoring import ignored, until
from dynia.services.planning.plan import Drift
from dynia.services.planning.planner import make_plan
from tests.plans import worlds

NOON = 1_795_694_400  # 2026-11-26, 12:00 UTC
DAY = 86_400


def edited(node: str, path: str = "haproxy/haproxy.cfg") -> Drift:
    return Drift(
        node=node, kind="file", subject=f"/opt/dynia/{path}", category="tampered", detail="edited", since=1
    )


RECORD = Drift(node="", kind="record", subject="A api.example.com", category="tampered", detail="gone")
THERE = (edited("misty-owl"), edited("swift-fox"), edited("misty-owl", "caddy/Caddyfile"), RECORD)
NAMES = sorted({item(d) for d in THERE} | {"haproxy/haproxy.cfg", "nobody:haproxy/haproxy.cfg", "misty-owl"})


def entry(name: str, day: str = "2026-12-03") -> DriftIgnore:
    return DriftIgnore(item=name, until=day, because="load test")


@given(
    st.lists(st.sampled_from(THERE), unique=True),
    st.lists(
        st.builds(
            entry,
            st.sampled_from(NAMES),
            st.sampled_from(["2026-11-25", "2026-11-26", "2026-12-03", "2027-12-03"]),
        )
    ),
)
def test_each_entry_is_either_a_finding_or_apart_and_none_is_lost(
    drifts: list[Drift], entries: list[DriftIgnore]
) -> None:
    found = ignored(drifts, entries, NOON)
    good = [e for e in entries if e.until in ("2026-11-26", "2026-12-03")]
    assert list(found.counted) == [d for d in drifts if not any(is_called(d, e.item) for e in good)]
    assert [one.drift for one in found.ignored] == [d for d in drifts if d not in found.counted]
    assert len(found.notes) == len(entries) - len(good)


def test_without_the_node_s_name_it_is_meant_on_every_node() -> None:
    found = ignored(THERE, [entry("haproxy/haproxy.cfg")], NOON)
    assert [one.drift for one in found.ignored] == list(THERE[:2])
    assert [one.drift.node for one in ignored(THERE, [entry(item(THERE[1]))], NOON).ignored] == ["swift-fox"]


def test_it_ends_by_itself_when_its_day_is_over_and_the_report_says_so() -> None:
    last = entry(item(RECORD), "2026-11-26")
    assert ignored(THERE, [last], NOON + DAY // 2 - 1).counted == THERE[:3]
    over = ignored(THERE, [last], NOON + DAY // 2)
    assert over.counted == THERE and not over.ignored
    assert over.notes == ("dns A api.example.com: ignored until 2026-11-26, which is over: it counts again",)


def test_nothing_is_ignored_for_longer_than_90_days_whoever_wrote_it() -> None:
    assert not ignored(THERE, [entry(item(RECORD), "2027-02-24")], NOON).notes
    found = ignored(THERE, [entry(item(RECORD), "2027-02-25")], NOON)
    assert found.counted == THERE and "more than 90 days" in found.notes[0]


@pytest.mark.parametrize(
    ("said", "day"),
    [("7d", "2026-12-03"), ("2w", "2026-12-10"), ("12h", "2026-11-27"), ("0d", "2026-11-26"), ("90d", "2027-02-24"),
     ("2026-12-03", "2026-12-03")],
)  # fmt: skip
def test_a_time_is_a_day_or_how_long_from_now(said: str, day: str) -> None:
    assert until(said, NOON) == day


@pytest.mark.parametrize(
    "said", ["91d", "2027-02-25", "2026-11-25", "2026-02-30", "7", "soon", "20261203", "-1d", ""]
)
def test_no_time_is_taken_that_is_over_too_far_or_none(said: str) -> None:
    with pytest.raises(Refused):
        until(said, NOON)


def test_what_is_ignored_changes_no_plan() -> None:
    world = worlds.settled(worlds.cluster())
    assert world.desired is not None
    told = msgspec.structs.replace(
        world, desired=msgspec.structs.replace(world.desired, ignored=(entry("haproxy/haproxy.cfg"),))
    )
    assert make_plan(told) == make_plan(world)
