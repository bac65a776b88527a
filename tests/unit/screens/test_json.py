"""docs/json.md is the contract: every key that a command prints stands in its table, and no other does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from dynia.commands.screens.apply import result_json
from dynia.commands.screens.clusters import ListedCluster, list_json
from dynia.commands.screens.drift_report_json import report_json
from dynia.commands.screens.drill import drill_json
from dynia.commands.screens.generations import generations_json
from dynia.commands.screens.history import history_json, run_json
from dynia.commands.screens.hook_json import Run, hook_json
from dynia.commands.screens.lists import nodes_json, services_json
from dynia.commands.screens.plan_json import drift_json, plan_json
from dynia.commands.screens.rebuild import rebuild_json
from dynia.commands.screens.rehearsal import rehearsal_json
from dynia.commands.screens.saved import saved_json
from dynia.commands.screens.secrets import secrets_json
from dynia.commands.screens.state import state_json
from dynia.commands.screens.status import status_json
from dynia.interfaces import events
from dynia.interfaces.errors import Stale
from dynia.interfaces.secret_sources import LookedFor
from dynia.services.planning.drift_runs import Alert
from dynia.services.planning.ignoring import Ignored, Silenced
from dynia.state.model import Applied
from tests.unit.screens import drift_samples, generation_samples, history_samples, samples
from tests.unit.screens import more_samples as more

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "json.md").read_text(encoding="utf-8")
MAPS = {
    "nodes[].parts",
    "services[].on",
    "services[].serving[].through",
    "nodes[].components",
    "generations[].releases",
}

NODES = tuple(msgspec.structs.replace(node, components={"haproxy": samples.RELEASE}) for node in more.NODES)
CLUSTER = ListedCluster(
    name="prod",
    current=True,
    provider="docker",
    nodes=3,
    wanted=3,
    generation=1,
    applied=Applied(at=1, by="me"),
)

SILENCED = Silenced(
    counted=(), ignored=(Ignored(drift=samples.EDITED, until="2026-12-03", because="a test"),), notes=("x",)
)
HERE = LookedFor(cluster="prod", service="api", name="A", source="env PROD_A", where="clusters.yaml:9:13")
GONE = msgspec.structs.replace(HERE, name="B", reason="the variable is not set")

RUN = Run(verb="apply", cluster="prod", generation=1, at=1.5, by="me", commit="", url="")
ENDS = (None, Stale("changed since plan: x"), *more.RESULTS.values())

DOCUMENTS: dict[str, list[Callable[[], bytes]]] = {
    "dynia.plan": [lambda plan=plan: plan_json(plan) for plan in samples.PLANS.values()],  # type: ignore[misc]
    "dynia.drift": [
        lambda plan=plan: drift_json(plan, SILENCED)  # type: ignore[misc]
        for plan in samples.PLANS.values()
    ],
    "dynia.drift_report": [lambda r=r: report_json(*r) for r in drift_samples.reports().values()],  # type: ignore[misc]
    "dynia.apply": [lambda r=r: result_json(r) for r in more.RESULTS.values()],  # type: ignore[misc]
    "dynia.show": [lambda v=v: saved_json(v) for v in more.SAVED.values()],  # type: ignore[misc]
    "dynia.status": [lambda v=v: status_json(v) for v in more.STATUSES.values()],  # type: ignore[misc]
    "dynia.drill": [lambda r=r: drill_json(r) for r in more.DRILLS.values()],  # type: ignore[misc]
    "dynia.rehearsal": [lambda: rehearsal_json(tuple(more.REHEARSALS.values()))],
    "dynia.state": [lambda v=v: state_json(v) for v in more.STATES.values()],  # type: ignore[misc]
    "dynia.rebuild": [
        lambda f=f: rebuild_json("prod", f, samples.PLANS["nothing-to-do"])  # type: ignore[misc]
        for f in more.REBUILT.values()
    ],
    "dynia.generations": [
        lambda h=h: generations_json("prod", h)  # type: ignore[misc]
        for h in generation_samples.HOMES.values()
    ],
    "dynia.history": [lambda: history_json("prod", history_samples.RUNS, more=3)],
    "dynia.run": [lambda v=v: run_json(v) for v in history_samples.VIEWS.values()],  # type: ignore[misc]
    "dynia.hook": [
        lambda e=e: hook_json("on_failure", RUN, samples.PLANS["nothing-to-do"], e)  # type: ignore[misc]
        for e in ENDS
    ]
    + [
        lambda: hook_json(
            "drift",
            RUN,
            samples.PLANS["nothing-to-do"],
            None,
            Alert(state="drifting", items=(("misty-owl:haproxy/haproxy.cfg", 2),)),
        )
    ],
    "dynia.nodes": [lambda: nodes_json("prod", NODES)],
    "dynia.services": [lambda: services_json("prod", more.SERVICES)],
    "dynia.secrets": [lambda: secrets_json((HERE, GONE))],
    "dynia.clusters": [lambda: list_json((CLUSTER,))],
}


def keys_of(value: object, path: str = "") -> Iterator[str]:
    """Every key as its path: ``steps[].id``; a map's own keys are ``*``."""
    if isinstance(value, list):
        for one in value:
            yield from keys_of(one, f"{path}[]")
    elif isinstance(value, dict):
        for key, below in value.items():
            here = f"{path}.*" if path in MAPS else f"{path}.{key}".lstrip(".")
            yield here
            yield from keys_of(below, here)


def table(title: str) -> set[str]:
    """The keys of a section's table."""
    section = DOCS.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_key_is_documented_and_every_documented_key_is_there(name: str) -> None:
    seen: set[str] = set()
    for make in DOCUMENTS[name]:
        whole = json.loads(make())
        assert (whole["format"], whole["version"]) == (name, 1)
        if name in ("dynia.apply", "dynia.show", "dynia.rebuild", "dynia.hook", "dynia.run"):
            whole["plan"] = None
        if name == "dynia.drift_report":
            whole["status"] = None
        if name == "dynia.run":
            whole |= {"drill": None, "events": []}
        seen |= set(keys_of(whole))
    assert seen == table(name)


def test_the_plan_in_a_result_has_the_keys_of_a_plan() -> None:
    result = more.RESULTS["failed"]
    plan = json.loads(plan_json(result.plan))
    assert json.loads(result_json(result))["plan"] == {
        key: value for key, value in plan.items() if key not in ("format", "version")
    }


def test_every_event_is_documented_with_its_keys() -> None:
    section = DOCS.split("\n## Events\n")[1]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    said = {}
    for row in rows:
        name, keys = row.strip("| ").split(" | ")
        said[name.strip("`")] = set(re.findall(r"`([^`]+)`", keys.split(" (each")[0]))
    there = {
        str(kind.__struct_config__.tag): set(kind.__struct_fields__) - {"at"}
        for kind in events.Event.__args__  # type: ignore[attr-defined]
    }
    assert said == there


def test_a_document_can_be_printed_on_a_terminal() -> None:
    for make in [make for makes in DOCUMENTS.values() for make in makes]:
        text = make().decode()
        assert all(char == "\n" or char.isprintable() for char in text)
        assert text.endswith("}\n")


def test_a_document_among_json_lines_is_one_line() -> None:
    text = result_json(more.RESULTS["failed"], one_line=True)
    assert text.count(b"\n") == 1
    assert json.loads(text) == json.loads(result_json(more.RESULTS["failed"]))


def test_equal_plans_are_equal_bytes() -> None:
    for plan in samples.PLANS.values():
        again = msgspec.convert(msgspec.to_builtins(plan), type(plan))
        assert plan_json(again) == plan_json(plan)
