"""The generations that nodes keep, and which one a rollback takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.text import one_line, wrap
from dynia.state.generation import Generation
from dynia.state.model import Cluster

if TYPE_CHECKING:
    from dynia.services.rollback import Chosen


def generations_text(cluster: str, home: Cluster | None, *, width: int) -> str:
    """`dynia rollback --list`, the newest first."""
    kept = home.generations if home else ()
    if not kept:
        return "\n".join(
            wrap(f"{cluster}: nodes keep no generation yet; the next apply keeps the first.", width)
        )
    rows = []
    for older, one in reversed(tuple(zip((None, *kept), kept, strict=False))):
        what = _changed(older, one)
        by = f"by {one.by}" + (f" ({one.commit})" if one.commit else "")
        rows.append(("  ", (name_of(one), _when(one.at), what, one_line(by))))
    lines = [text for laid in entries(rows, width) for text in laid]
    if home is not None and home.rollback is not None:
        going = f"A rollback to {home.rollback.to} was begun and has not ended: `dynia rollback` goes on."
        lines += ["", *wrap(going, width, rest="  ")]
    return "\n".join((f"Generations of {cluster}, the newest first", *lines))


def name_of(one: Generation) -> str:
    """Applies that changed nothing of it are in its name."""
    return str(one.number) if one.number == one.last else f"{one.number}-{one.last}"


def _when(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _changed(older: Generation | None, one: Generation) -> str:
    if one.of:
        return f"back on {one.of}"
    if older is None:
        return ""
    names = [
        n for n in sorted({*older.releases, *one.releases}) if older.releases.get(n) != one.releases.get(n)
    ]
    shown = ", ".join(name.replace("/", " ", 1) for name in names[:4])
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"changed {shown}{more}" if names else ""


def back_text(chosen: Chosen, nodes: int, *, width: int) -> str:
    """What stands above the plan of a rollback."""
    target, service = chosen.target, chosen.rollback.service
    what = f"Service {service} goes" if service else "Services, templates, firewall and Caddy go"
    there = f"the {nodes} nodes that there are" if nodes > 1 else "the one node that there is"
    said = (
        f"{what} back to generation {name_of(target)} ({_when(target.at)}, by {one_line(target.by)}), on "
        f"{there} now. The file is not asked."
    )
    return "\n".join(wrap(said, width, rest="  "))


def generations_json(cluster: str, home: Cluster | None) -> bytes:
    """`dynia rollback --list --json`."""
    begun = home.rollback if home else None
    return document(
        "generations",
        {
            "cluster": cluster,
            "generation": home.generation if home else 0,
            "begun": {"to": begun.to, "service": begun.service} if begun else None,
            "generations": [
                {
                    "number": one.number,
                    "last": one.last,
                    "of": one.of,
                    "at": one.at,
                    "by": one.by,
                    "commit": one.commit,
                    "releases": one.releases,
                    "images": list(one.images),
                }
                for one in reversed(home.generations if home else ())
            ],
        },
    )
