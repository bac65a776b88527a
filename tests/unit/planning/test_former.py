"""What changed files say now, in the plan: asked of one node, only where it is what was applied."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dynia.commands.screens.plan import plan_text
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.former import missing_texts, with_texts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from tests.plans import worlds

OLD, NEW = "level = 1\nname = a\n", "level = 2\nname = a\nmore = 1\n"
APP = "/opt/dynia/services/api/config/app.toml"
DIGEST = "sha256:" + hashlib.sha256(OLD.encode()).hexdigest()


def changed_file() -> PlanningInput:
    world = worlds.settled(worlds.cluster(services=(worlds.service(config=OLD),)))
    return worlds.wanting(world, worlds.cluster(services=(worlds.service(config=NEW),)))


def shown(plan: Plan) -> str:
    return plan_text(plan, width=100, detail="full")


def test_one_node_is_asked_for_what_all_have() -> None:
    world = changed_file()
    wanted = missing_texts(make_plan(world), world.observed)
    assert len(wanted) == 1
    assert APP in next(iter(wanted.values()))


def test_a_file_that_was_edited_by_hand_is_read_where_it_was_not() -> None:
    world = changed_file()
    first = worlds.node_named(world, 1)
    world = worlds.with_facts(world, first, worlds.edited(APP))
    asked = [name for name, paths in missing_texts(make_plan(world), world.observed).items() if APP in paths]
    assert len(asked) == 1 and first not in asked


def test_nothing_is_asked_where_nobody_answers_or_nothing_changes() -> None:
    world = changed_file()
    for name in list(world.observed.nodes):
        world = worlds.silent(world, name)
    assert missing_texts(make_plan(world), world.observed) == {}
    settled = worlds.settled(worlds.cluster())
    assert missing_texts(make_plan(settled), settled.observed) == {}


def test_the_plan_counts_changed_lines_and_shows_them() -> None:
    plan = make_plan(changed_file())
    assert "whole new text follows" in shown(plan)
    told = shown(with_texts(plan, {DIGEST: OLD}))
    assert "config/app.toml, 2 lines" in told
    lines = told.splitlines()
    assert ("  - level = 1", "  + level = 2") in pairwise(lines)
    assert "    name = a" in lines and "  + more = 1" in lines


def test_a_secret_file_is_neither_asked_for_nor_shown() -> None:
    world = worlds.settled(worlds.cluster(services=(worlds.service(env="PASSWORD=old\n"),)))
    world = worlds.wanting(world, worlds.cluster(services=(worlds.service(env="PASSWORD=new\n"),)))
    plan = make_plan(world)
    secret = {
        f.path
        for facts in world.observed.nodes.values()
        if isinstance(facts, NodeFacts)
        for f in facts.files
        if f.digest.startswith("hmac:")
    }
    assert secret and not secret & {d.path for d in plan.diffs}
    assert not secret & {p for paths in missing_texts(plan, world.observed).values() for p in paths}


@given(st.dictionaries(st.sampled_from([DIGEST, "sha256:" + "0" * 64, ""]), st.text(max_size=50)))
def test_texts_change_what_is_shown_and_nothing_that_is_done(texts: dict[str, str]) -> None:
    plan = make_plan(changed_file())
    told = with_texts(plan, texts)
    assert (told.steps, told.later, told.effect) == (plan.steps, plan.later, plan.effect)
    assert [line.subject for line in told.changes] == [line.subject for line in plan.changes]
