"""Everything that a world comes to on the screen and in JSON: plan, drift and status, as wide and narrow as they get."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dynia.commands.screens import clusters, generations, lists
from dynia.commands.screens.drift import drift_text
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import drift_json, plan_json
from dynia.commands.screens.status import status_json, status_text
from dynia.commands.screens.status_view import status_view
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import Cell
from dynia.services.planning.planner import make_plan
from dynia.state.model import State

NOW = 1_800_000_000.0


def of_world(given: PlanningInput, cells: tuple[Cell, ...] = ()) -> Iterator[str]:
    plan = make_plan(given)
    view = status_view(given, plan, cells)
    for width in (80, 40):
        yield plan_text(plan, width=width, detail="full", now=NOW)
        yield drift_text(plan, width=width, color=False, now=NOW)
        yield status_text(view, width=width, now=NOW)
    yield plan_text(plan, width=80, now=NOW)
    for raw in (plan_json(plan), drift_json(plan), status_json(view)):
        json.loads(raw)


def of_state(state: State) -> Iterator[str]:
    for width in (80, 40):
        listed = clusters.list_view({}, state)
        yield clusters.list_text(listed, width=width, color=False, now=NOW)
        for cluster in state.clusters:
            yield lists.nodes_text(cluster.name, state.nodes_of(cluster.name), width=width)
            rows = lists.services_view(cluster.name, None, state)
            yield lists.services_text(cluster.name, rows, width=width)
            json.loads(lists.services_json(cluster.name, rows))
            json.loads(lists.nodes_json(cluster.name, state.nodes_of(cluster.name)))
            yield generations.generations_text(cluster.name, cluster, width=width)
            json.loads(generations.generations_json(cluster.name, cluster))
            json.loads(clusters.cluster_json(clusters.cluster_view(cluster.name, None, state, {})))
    json.loads(clusters.list_json(listed))
