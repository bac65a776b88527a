"""Which comment or issue is ours, what of it counts, and what becomes of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.services.ci_record import (
    MOST_GROUND,
    IssueDeed,
    Written,
    begun_line,
    issue_deed,
    may_go_on,
    ours,
    review_lines,
    review_of,
    was_cut,
)
from dynia.services.planning.plan import Content, Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.stale import ground
from tests.plans import worlds
from tests.unit.screens.samples import EDITED

replace = msgspec.structs.replace
MARKER = "<!-- dynia:plan prod -->"
DIGEST = "sha256:" + "0" * 64


def a_plan() -> Plan:
    return make_plan(worlds.start(worlds.cluster()))


def comment(plan: Plan) -> str:
    return "\n".join([MARKER, *review_lines(plan), "", "the plan"])


def test_what_was_reviewed_is_read_as_it_was_written() -> None:
    review = review_of(comment(a_plan()))
    assert review is not None
    assert (review.digest, review.ground) == (a_plan().digest, ground(a_plan()))


def test_a_browser_s_line_ends_change_nothing() -> None:
    crlf = comment(a_plan()).replace("\n", "\r\n")
    assert review_of(crlf) == review_of(comment(a_plan()))
    assert ours([Written(number=1, author="bot", body=crlf)], "bot", MARKER) is not None


def test_a_ground_that_is_too_long_is_left_out_and_the_digest_is_not() -> None:
    parts = tuple(
        Content(of="service api", path=f"{n}.txt", digest=f"sha256:{n * 7919:064x}") for n in range(2000)
    )
    plan = replace(a_plan(), content=parts)
    assert sum(map(len, review_lines(plan))) < MOST_GROUND
    review = review_of(comment(plan))
    assert review is not None and review.digest == plan.digest and review.ground is None


@given(st.text(), st.text())
def test_a_digest_counts_in_its_place_and_nowhere_else(before: str, after: str) -> None:
    line = f"<!-- dynia:digest {DIGEST} -->"
    assert review_of(f"{MARKER}\n{line}") is not None
    assert review_of(f"{MARKER}\n{before}x\n{line}\n{after}") is None
    assert review_of(f"{MARKER}\n{before}x{line}{after}") is None


@given(st.text(alphabet="ABCDabcd0123+/=", max_size=200))
def test_a_ground_that_is_none_is_no_error(packed: str) -> None:
    review = review_of(f"{MARKER}\n<!-- dynia:digest {DIGEST} -->\n<!-- dynia:ground {packed} -->")
    assert review is not None and review.digest == DIGEST


def test_ours_is_the_oldest_of_this_author_that_begins_with_the_marker() -> None:
    written = [
        Written(number=1, author="mallory", body=MARKER),
        Written(number=9, author="bot", body=f"{MARKER}\nlate"),
        Written(number=5, author="bot", body=f"{MARKER}\nours"),
        Written(number=2, author="bot", body=f"see {MARKER}"),
        Written(number=3, author="bot", body=f"\n{MARKER}"),
        Written(number=4, author="bot", body=f"{MARKER} and more"),
    ]
    found = ours(written, "bot", MARKER)
    assert found is not None and found.number == 5
    assert ours(written, "nobody", MARKER) is None


def test_only_an_apply_of_this_plan_that_did_not_end_was_cut() -> None:
    def body(digest: str, *, ended: bool) -> str:
        return f"<!-- dynia:apply prod -->\n{begun_line(digest, ended=ended)}\n\nIt runs."

    assert was_cut(body(DIGEST, ended=False), DIGEST)
    assert not was_cut(body(DIGEST, ended=True), DIGEST)
    assert not was_cut(body("sha256:" + "1" * 64, ended=False), DIGEST)
    assert not was_cut(f"<!-- dynia:apply prod -->\nIt runs.\n{begun_line(DIGEST, ended=False)}", DIGEST)
    assert not was_cut("", DIGEST)


def test_what_is_left_may_be_done_only_while_the_same_is_wanted_and_nobody_was_there() -> None:
    review = review_of(comment(a_plan()))
    assert review is not None
    later = replace(a_plan(), serial=a_plan().serial + 40, digest=DIGEST)
    assert may_go_on(review, later)
    assert not may_go_on(replace(review, ground=None), later)
    assert not may_go_on(review, replace(later, content=later.content[1:]))
    assert not may_go_on(review, replace(later, lineage="another"))
    assert not may_go_on(review, replace(later, not_observed=(("misty-owl", "no answer"),)))
    assert not may_go_on(review, replace(later, drift=(EDITED,)))


@pytest.mark.parametrize(
    ("code", "there", "kind"),
    [
        (3, "", "open"),
        (4, "", "open"),
        (3, "old", "edit"),
        (4, "old", "edit"),
        (3, "new", "leave"),
        (0, "old", "close"),
        (0, "", "leave"),
        (1, "old", "leave"),
        (5, "", "leave"),
        (130, "old", "leave"),
    ],
)
def test_an_issue_follows_what_was_found(code: int, there: str, kind: str) -> None:
    found = Written(number=7, author="bot", body=f"M\n\n{there}") if there else None
    deed = issue_deed(code, found, "M\n\nnew")
    assert (deed.kind, deed.number) == (kind, 7 if there else 0)
    assert isinstance(deed, IssueDeed)
