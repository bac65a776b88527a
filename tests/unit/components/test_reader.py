"""What comes to nodes for keys that may only look: the program, and each key bound to it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import Ssh
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.templates import builtin_templates, templates_of
from dynia.services.planning.components.reader import KEYS, PROGRAM, TEXT
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.wanted import render_wanted
from tests.plans import worlds

ONE, OTHER = "ssh-ed25519 AAAAone", "ssh-ed25519 AAAAother"
replace = msgspec.structs.replace


def world(*readers: str) -> PlanningInput:
    """A settled cluster with these readers."""
    spec = worlds.cluster(ssh=Ssh(readers=readers))
    return worlds.passes(replace(worlds.start(spec), templates=templates_of(spec)))[1]


def test_every_key_is_bound_to_the_program_and_may_do_nothing_beside() -> None:
    given = world(ONE, OTHER)
    assert given.desired is not None
    made = render_wanted(given, given.desired, given.state.nodes_of(given.target))
    files = {f.path: f for f in next(iter(made.recipes.values()))["reader"].release.files}
    assert files[KEYS].content.decode().splitlines()[1:] == [
        f'restrict,command="{PROGRAM}" {key}' for key in (ONE, OTHER)
    ]
    assert (files[PROGRAM].mode, files[KEYS].mode) == (0o755, 0o644)
    assert files[PROGRAM].content.startswith(b"#!/bin/sh\n")
    assert make_plan(given).empty


def test_a_key_that_left_the_file_is_taken_off_and_with_the_last_one_all_of_it() -> None:
    spec = worlds.cluster(ssh=Ssh(readers=(ONE,)))
    fewer = make_plan(worlds.wanting(world(ONE, OTHER), spec))
    assert {step.id.split("/", 1)[1] for step in fewer.steps} == {"reader/push"}
    none = make_plan(worlds.wanting(world(ONE), worlds.cluster()))
    assert {step.id.split("/", 1)[1] for step in none.steps} == {"reader/remove"}


def test_a_program_that_was_edited_is_drift_and_its_mending_disturbs_nobody() -> None:
    given = world(ONE)
    given = worlds.with_facts(given, worlds.node_named(given, 1), worlds.edited(PROGRAM))
    plan = make_plan(given)
    assert [(d.subject, d.detail) for d in plan.drift] == [(PROGRAM, "edited")]
    assert not any(step.disturbs for step in plan.steps)


def test_no_team_s_template_takes_the_program_s_place() -> None:
    spec = worlds.cluster(ssh=Ssh(readers=(ONE,)), templates={TEXT: "#!/bin/sh\nexec sh\n"})
    assert templates_of(spec)[TEXT].startswith("#!/bin/sh\n# Written by Dynia.")
    assert templates_of(worlds.cluster()) == builtin_templates()


def test_without_the_program_nothing_is_rendered() -> None:
    given = replace(world(ONE), templates=builtin_templates())
    with pytest.raises(DyniaError, match="the program for readers is missing"):
        make_plan(given)
