"""What a person calls one entry of drift: the same words on screens, in reports and in answers to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from dynia.interfaces.errors import NotObservedError, Refused
from dynia.services.planning.plan import Drift

MOST_NAMED = 10
OUR_FOLDER = "/opt/dynia/"


def what_drifted(drift: Drift) -> str:
    """A file of ours by its path below /opt/dynia, anything else by its kind and name."""
    match drift.kind:
        case "file":
            return drift.subject.removeprefix(OUR_FOLDER)
        case "reserved_ip":
            return f"reserved IP {drift.subject}"
        case "record":
            return f"dns {drift.subject}"
        case kind:
            return drift.subject if drift.subject.startswith(kind) else f"{kind} {drift.subject}"


def is_called(drift: Drift, name: str) -> bool:
    """Whether a person means this entry: by its name, or without the node's part, by that on every node."""
    return name in (item(drift), what_drifted(drift))


def item(drift: Drift) -> str:
    """One entry's name: ``misty-owl:haproxy/haproxy.cfg``; of no node: ``dns A api.example.com``."""
    return ":".join(filter(None, (drift.node, what_drifted(drift))))


def chosen(drifts: Sequence[Drift], names: Iterable[str], silent: Iterable[str] = ()) -> tuple[Drift, ...]:
    """The entries that a person names, in the order of `drifts`. Raises for a name that is nobody's: with
    `silent` nodes it is not known whether it is. Each entry that there is is told, close ones first."""
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if any(is_called(drift, name) for drift in drifts):
            continue
        there = "".join(f"\n    {one}" for one in _closest(name, drifts)) or " nothing"
        quiet = ", ".join(silent)
        if quiet:
            raise NotObservedError(f"nothing is seen to have drifted that is called {name!r}, and {quiet} "
                f"did not answer. There is:{there}")  # fmt: skip
        raise Refused(f"nothing has drifted that is called {name!r}. There is:{there}", hint="`dynia drift`")
    return tuple(drift for drift in drifts if any(is_called(drift, name) for name in wanted))


def _closest(name: str, drifts: Iterable[Drift]) -> list[str]:
    """Their names, the most alike first; what are many is cut, and it is said."""

    def unlike(one: str) -> float:
        return -max(difflib.SequenceMatcher(a=name, b=said).ratio() for said in (one, one.partition(":")[2]))

    found = sorted(dict.fromkeys(map(item, drifts)), key=unlike)
    more = len(found) - MOST_NAMED
    return found if more <= 0 else [*found[:MOST_NAMED], f"and {more} more"]
