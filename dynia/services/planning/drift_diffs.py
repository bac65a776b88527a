"""What somebody changed in a file, as a diff: which texts to read for that, and what comes of them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from dynia.interfaces.observed import NodeFacts
from dynia.services.actions.base import Recipe
from dynia.services.planning.compare import releases_of
from dynia.services.planning.drift_items import item
from dynia.services.planning.former import Wanted
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift, Plan
from dynia.state.model import Node

MOST_TEXTS = 40
# A diff takes time that grows with the square of what it compares, and nobody reads one that is longer.
MOST_LINES = 3000
MOST_SHOWN = 200

Recipes = Mapping[str, Mapping[str, Recipe]]


def texts_wanted(plan: Plan, given: PlanningInput, recipes: Recipes) -> Wanted:
    """Node -> paths to read there, one node for each text. A file that holds a secret is never read: only one
    whose content was applied as a public one, and that is known here."""
    found: dict[str, list[str]] = {}
    asked: set[str] = set()
    for drift, digest, _ in _edited(plan, given, recipes):
        if digest not in asked and len(asked) < MOST_TEXTS:
            found.setdefault(drift.node, []).append(drift.subject)
            asked.add(digest)
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def diffs_of(plan: Plan, given: PlanningInput, recipes: Recipes, texts: Mapping[str, str]) -> dict[str, str]:
    """By the entry's name; `texts` by digest."""
    made: dict[tuple[str, str, str], str] = {}
    found = {}
    for drift, digest, before in _edited(plan, given, recipes):
        if digest in texts:
            key = (drift.subject, digest, before)
            if key not in made:
                made[key] = _diff(drift.subject, before, texts[digest])
            found[item(drift)] = made[key]
    return found


def _edited(plan: Plan, given: PlanningInput, recipes: Recipes) -> Iterator[tuple[Drift, str, str]]:
    """Entries of public text files with the digest of what is there and the text that was applied."""
    nodes = {node.name: node for node in given.state.nodes_of(given.target)}
    for drift in plan.drift:
        facts, node = given.observed.nodes.get(drift.node), nodes.get(drift.node)
        if drift.kind != "file" or drift.category != "tampered" or node is None:
            continue
        there = (
            next((f for f in facts.files if f.path == drift.subject), None)
            if isinstance(facts, NodeFacts)
            else None
        )
        before = _applied(given, node, recipes, drift.subject)
        if there is None or there.kind != "file" or before is None or before[0] == there.digest:
            continue
        if there.digest.startswith("sha256:"):
            yield drift, there.digest, before[1]


def _applied(given: PlanningInput, node: Node, recipes: Recipes, path: str) -> tuple[str, str] | None:
    """Digest and text of a file as it was applied, where what is rendered now is the same."""
    releases = releases_of(given.state.cluster(given.target))
    for component, id_ in {**node.components, **node.pushed}.items():
        live, recipe = releases.get((component, id_)), recipes.get(node.name, {}).get(component)
        was = next((f for f in live.files if f.path == path), None) if live else None
        if was is None or recipe is None:
            continue
        now = next((f for f in recipe.release.files if f.path == path), None)
        if now is None or now.secret or not was.digest or now.digest != was.digest:
            return None
        try:
            return was.digest, now.content.decode()
        except UnicodeDecodeError:
            return None
    return None


def _diff(path: str, before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES:
        return ""
    lines = list(difflib.unified_diff(old, new, f"{path} (applied)", f"{path} (there)", lineterm=""))
    if len(lines) > MOST_SHOWN:
        lines = [*lines[:MOST_SHOWN], f"({len(lines) - MOST_SHOWN} more lines)"]
    return "\n".join(lines)
