"""Secrets of services, and whether they are there. No value is in here."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.commands.screens.machine import document
from dynia.commands.screens.text import columns, count, wrap
from dynia.interfaces.secret_sources import LookedFor


def secrets_text(found: Sequence[LookedFor], *, width: int) -> str:
    """`dynia secrets check`."""
    if not found:
        return "The file names no secrets."
    rows = [["cluster", "service", "secret", "source", "here"]]
    rows += [[one.cluster, one.service, one.name, one.source, _here(one)] for one in found]
    missing = [one for one in found if one.reason]
    lines = columns(rows, width)
    if missing:
        lines += ["", "Missing"]
    for one in missing:
        said = f"{one.where} · service {one.service} · {one.name} ({one.source}): {one.reason}"
        for index, line in enumerate(said.splitlines()):
            lines += wrap(line, width, first="    " if index else "  ", rest="      ")
    there = len(found) - len(missing)
    total = f"{count(len(found), 'secret')}, {there} here, {len(missing)} missing."
    return "\n".join([*lines, "", *wrap(total, width)])


def secrets_json(found: Sequence[LookedFor]) -> bytes:
    """`dynia secrets check --json`."""
    return document(
        "secrets",
        {
            "secrets": [
                {
                    "cluster": one.cluster,
                    "service": one.service,
                    "name": one.name,
                    "source": one.source,
                    "where": one.where,
                    "here": not one.reason,
                    "reason": one.reason,
                }
                for one in found
            ],
        },
    )


def _here(one: LookedFor) -> str:
    return "no" if one.reason else "yes"
