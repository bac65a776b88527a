"""The drift report in text and Markdown: all that was seen, folded over nodes, never too long, never left by
what others said."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from dynia.commands.screens.drift_report_markdown import report_markdown
from dynia.commands.screens.drift_report_text import report_text
from dynia.commands.screens.text import cells
from dynia.services.planning.drift_answers import SEVERITIES
from dynia.services.planning.drift_evidence import Evidence
from dynia.services.planning.drift_report import Concern, DriftReport, Finding, Silent
from dynia.services.planning.plan import Line, Waiting
from tests.unit.screens import drift_samples as samples
from tests.unit.screens.test_markdown import TEXT

GOLDEN = Path(__file__).resolve().parents[2] / "golden_reports"
LIMIT = 65_536
NAMES = sorted(samples.reports())
READER = MarkdownIt("commonmark").enable("table")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ends", ["txt", "md"])
def test_a_report_is_what_was_reviewed(name: str, ends: str) -> None:
    make = report_text if ends == "txt" else report_markdown
    made, path = make(*samples.reports()[name]), GOLDEN / f"{name}.{ends}"
    if os.environ.get("DYNIA_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def test_no_reviewed_report_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{name}.{e}" for name in NAMES for e in ("txt", "md")
    }


@pytest.mark.parametrize("make", [report_text, report_markdown])
def test_two_hundred_nodes_of_which_190_drift_alike_are_one_entry(make: object) -> None:
    made = make(*samples.reports()["two-hundred"])  # type: ignore[operator]
    assert len(made) < LIMIT
    assert (
        made.count("haproxy/haproxy.cfg on 190 nodes") + made.count("`haproxy/haproxy.cfg` on 190 nodes") == 1
    )
    assert made.count("+# by hand") == 1
    assert "97 % full" in made and "connection refused" in made


@pytest.mark.parametrize("make", [report_text, report_markdown])
def test_everything_that_was_found_is_named(make: object) -> None:
    report, status = samples.reports()["trouble"]
    made = make(report, status)  # type: ignore[operator]
    for one in report.findings:
        assert one.what in made and one.detail in made and one.severity in made
        assert all(command in made for command in one.commands) or one.item not in made
    for silent in report.silent:
        assert silent.node in made and silent.reason in made and all(c in made for c in silent.commands)
    assert "service api" in made and "waits after its canary" in made


def test_the_text_fits_a_mail() -> None:
    shown = [line for name in NAMES for line in report_text(*samples.reports()[name]).splitlines()]
    assert [line for line in shown if cells(line) > 100 and not line.strip().startswith("dynia ")] == []


def findings(text: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Finding, ...]]:
    one = st.builds(
        Finding,
        item=text,
        what=text,
        node=text,
        kind=st.just("file"),
        category=st.sampled_from(["tampered", "orphan", "split"]),
        severity=st.sampled_from(SEVERITIES),
        why=st.just("it is so"),
        detail=text,
        since=st.integers(0, 1 << 60),
        first_seen=st.integers(0, 1 << 60),
        runs=st.integers(1, 90),
        remedy=text,
        commands=st.lists(text, max_size=4).map(tuple),
        evidence=st.lists(st.builds(Evidence, what=st.just("file"), text=text), max_size=3).map(tuple),
        diff=text,
    )
    return st.tuples(st.lists(one, min_size=1, max_size=4), st.integers(1, 400)).map(
        # Hundreds of them: equal ones fold, those on other things do not.
        lambda drawn: tuple(
            replace(
                drawn[0][n % len(drawn[0])], what=f"{drawn[0][n % len(drawn[0])].what}{n // 7}", node=f"n{n}"
            )
            for n in range(drawn[1])
        )
    )


LONG = TEXT | st.tuples(TEXT, st.integers(1, 300)).map(lambda pair: pair[0] * pair[1]).map(
    lambda t: t[:2_000]
)
REPORTS = st.builds(
    DriftReport,
    cluster=st.just("prod"),
    generation=st.integers(0, 9),
    at=st.integers(0, 1 << 60),
    exit_code=st.sampled_from([0, 3, 4]),
    node_count=st.integers(0, 400),
    findings=findings(LONG),
    silent=st.lists(
        st.builds(Silent, node=TEXT, reason=LONG, commands=st.just(("dynia status",))), max_size=5
    ).map(tuple),
    concerns=st.lists(
        st.builds(
            Concern,
            kind=st.just("disk"),
            node=TEXT,
            severity=st.just("high"),
            detail=TEXT,
            command=TEXT,
        ),
        max_size=5,
    ).map(tuple),
    changes=st.lists(st.builds(Line, sign=st.just("~"), subject=LONG, nodes=st.just(("a",))), max_size=9).map(
        tuple
    ),
    paused=st.lists(st.builds(Waiting, subject=TEXT, reason=LONG), max_size=40).map(tuple),
)
STATUS = samples.reports()["trouble"][1]
TAGS = re.compile("<[^>]*>")
OURS = {
    "<details>",
    "</details>",
    "<summary>",
    "</summary>",
    "<code>",
    "</code>",
    "<!-- dynia:drift prod -->",
}


@settings(max_examples=15, deadline=None)
@given(REPORTS)
def test_any_report_is_short_enough_and_what_others_said_is_code(report: DriftReport) -> None:
    made = report_markdown(report, STATUS)
    assert len(made.encode("utf-16-le")) // 2 < LIMIT
    assert made.startswith("<!-- dynia:drift prod -->\n")
    tags: list[str] = []
    for token in READER.parse(made):
        pieces = [token] if token.type == "html_block" else token.children or ()
        for piece in pieces:
            if piece.type in ("html_block", "html_inline"):
                tags += TAGS.findall(piece.content)
            elif piece.type == "text":
                assert not re.search("[@<>]|#[0-9]", piece.content), piece.content
            else:
                assert piece.type not in ("link_open", "image"), piece
    assert set(tags) <= OURS
    assert tags.count("<details>") == tags.count("</details>")


def test_where_there_is_no_room_it_says_how_much_is_missing() -> None:
    report, status = samples.reports()["trouble"]
    many = tuple(replace(report.findings[-1], what=f"file {n}", detail="x" * 250) for n in range(500))
    made = report_markdown(replace(report, findings=many), status)
    assert len(made) < LIMIT
    assert re.search("[0-9]+ more entries left out", made)
