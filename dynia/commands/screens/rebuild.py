"""What `dynia state rebuild` found: each machine with what it keeps, and what is odd."""

from __future__ import annotations

from dynia.commands.screens.machine import document
from dynia.commands.screens.plan_json import plan_body
from dynia.commands.screens.text import columns, count, one_line, paint, wrap
from dynia.services.planning.plan import Plan
from dynia.services.rebuild import Found
from dynia.state.rebuilt import Heard


def rebuild_text(cluster: str, found: Found, *, width: int, color: bool) -> str:
    """The newest first sentence; then a line a machine; then notes, and nothing is left out."""
    rebuilt, heard = found.rebuilt, _in_order(found)
    head = f"State of {cluster}, made again"
    if rebuilt.newest:
        told = f"generation {rebuilt.generation}, serial {rebuilt.serial}"
        head = f"{head} from {one_line(', '.join(rebuilt.newest))}: {told}"
    else:
        head = f"{head} from what the provider lists: no node has a manifest"
    lines = [paint(line, "head", color) for line in wrap(head, width, rest="  ")]
    lines += wrap(f"Lineage {rebuilt.state.lineage}", width, rest="  ")
    rows = [["node", "machine", "manifest"]]
    rows += [[one_line(one.machine.name), one.machine.status, _kept(one, found)] for one in heard]
    lines += ["", *columns(rows, width)]
    if rebuilt.notes:
        lines += ["", paint("Found", "head", color)]
        for name, text in rebuilt.notes:
            lines += wrap(f"{one_line(name)}: {one_line(text)}", width, first="  ! ", rest="    ")
    counted = (
        count(len(rebuilt.state.nodes), "node"),
        count(len(rebuilt.state.deployments), "service"),
        count(len(rebuilt.state.routes), "route"),
    )
    lines += ["", *wrap(f"It holds {', '.join(counted)}. What follows from it:", width, rest="  ")]
    return "\n".join(lines)


def rebuild_json(cluster: str, found: Found, plan: Plan) -> bytes:
    """`dynia state rebuild --json`: once it is written."""
    rebuilt = found.rebuilt
    return document(
        "rebuild",
        {
            "cluster": cluster,
            "lineage": rebuilt.state.lineage,
            "generation": rebuilt.generation,
            "serial": rebuilt.serial,
            "fencing": rebuilt.fencing,
            "newest": list(rebuilt.newest),
            "machines": [_machine(one) for one in _in_order(found)],
            "notes": [{"node": name, "text": text} for name, text in rebuilt.notes],
            "plan": plan_body(plan),
        },
    )


def _in_order(found: Found) -> list[Heard]:
    return sorted(found.heard, key=lambda one: (one.machine.ordinal, one.machine.provider_id))


def _kept(one: Heard, found: Found) -> str:
    if one.silence:
        return "?"
    if one.manifest is None:
        return "none" if not one.flaw else "wrong"
    seal = one.manifest.seal
    old = "" if seal.node in found.rebuilt.newest else ", older"
    return f"generation {seal.generation}, serial {seal.serial}{old}"


def _machine(one: Heard) -> dict[str, object]:
    seal = one.manifest.seal if one.manifest else None
    return {
        "node": one.machine.name,
        "ordinal": one.machine.ordinal,
        "providerId": one.machine.provider_id,
        "status": one.machine.status,
        "observed": not one.silence,
        "reason": one.silence,
        "flaw": one.flaw,
        "lineage": seal.lineage if seal else one.lineage,
        "generation": seal.generation if seal else None,
        "serial": seal.serial if seal else None,
        "fencing": seal.fencing if seal else None,
    }
