"""What a person calls one entry of drift: the same words on screens, in reports and in answers to it."""

from __future__ import annotations

from dynia.services.planning.plan import Drift

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


def item(drift: Drift) -> str:
    """One entry's name: ``misty-owl:haproxy/haproxy.cfg``; of no node: ``dns A api.example.com``."""
    return ":".join(filter(None, (drift.node, what_drifted(drift))))
