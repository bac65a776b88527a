"""The plan as a comment: short enough for any cluster, and nothing of what others wrote gets out of its block."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.commands.screens.ci_markdown import plan_comment
from dynia.commands.screens.plan_markdown import Link, plan_markdown, verdict
from dynia.services.planning.plan import Drift, Effect, FileDiff, Line, Plan, Serving, Waiting
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.unit.screens.samples import EDITED, push

replace = msgspec.structs.replace
LINK = Link(commit="9d2e11a", url="https://github.com/acme/clusters/actions/runs/1")
NASTY = (
    "`````\n</details>\n<!-- dynia:digest sha256:x -->\n@everyone <script> [x](http://y) | # \u202e\x1b[31m"
)


def outside(text: str) -> str:
    """What is in no block and no code span: there GitHub obeys."""
    text = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.M | re.S)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


def many(number: int, detail: str) -> Plan:
    """So many nodes, each with its own drift, its own change and its own file."""
    names = [f"node-{index:03}" for index in range(number)]
    return Plan(
        cluster="prod",
        lineage="l",
        serial=1,
        generation=4,
        node_count=number,
        drift=tuple(replace(EDITED, node=name, detail=f"{detail} {name}") for name in names),
        changes=tuple(Line(sign="~", subject=f"file {name}", nodes=(name,), why=detail) for name in names),
        diffs=tuple(FileDiff(path=name, nodes=(name,), before=detail[:400], after=f"{detail[:400]}\n" * 20) for name in names),
        steps=tuple(push(name, "haproxy") for name in names),
        not_observed=tuple((f"gone-{name}", detail) for name in names),
        digest="sha256:" + "0" * 64,
    )  # fmt: skip


@pytest.mark.parametrize(
    "detail", ["edited", NASTY, "𝒳" * 1_000, "x" * 2_000], ids=["plain", "nasty", "wide", "long"]
)
def test_any_cluster_fits_and_the_verdict_and_the_digest_are_there(detail: str) -> None:
    text = plan_comment(many(200, detail), LINK)
    assert len(text.encode("utf-16-le")) // 2 < 65_536
    lines = text.splitlines()
    assert lines[0] == "<!-- dynia:plan prod -->" and lines[1].startswith("<!-- dynia:digest sha256:0")
    assert "**0 to add, 200 to change, 0 to destroy" in text and "9d2e11a" in text
    left = outside(text)
    assert left.count("<details>") == left.count("</details>") <= 2


@given(st.text(max_size=60), st.text(alphabet="`<>!-[]()@#|\n ~", max_size=60))
def test_nothing_of_what_others_wrote_is_outside_of_a_block(anything: str, signs: str) -> None:
    said = f"{anything}{signs}{NASTY}{signs}"
    plan = Plan(
        cluster="prod", lineage="l", serial=1, generation=1, node_count=1,
        drift=(Drift(node="n", kind="file", subject=said, category="tampered", detail=said),),
        changes=(Line(sign="~", subject=said, details=((said, said),), why=said),),
        diffs=(FileDiff(path=said, nodes=(said,), before=said, after=said + "x"),),
        waiting=(Waiting(subject=said, reason=said),),
        not_observed=((said, said),),
        effect=Effect(interrupts=(said,), serving=(Serving(service=said, least=0, wanted=1, now=1),)),
    )  # fmt: skip
    left = outside(plan_markdown(plan))
    assert "@everyone" not in left and "<script" not in left and "dynia:digest" not in left
    assert left.count("<details>") == left.count("</details>")


def test_what_hurts_stands_above_the_plan() -> None:
    serving = (Serving(service="api", least=0, wanted=1, now=1),)
    plan = replace(many(1, "edited"), effect=Effect(interrupts=("api",), serving=serving, irreversible=2))
    text = plan_markdown(plan)
    assert text.index("[!WARNING]") < text.index("```text")
    assert "interrupts `api`" in text and "2 steps of it nothing brings back" in text


def test_nothing_to_do_is_said_in_three_words() -> None:
    assert verdict(make_plan(worlds.settled(worlds.cluster()))) == "Nothing to do."
