"""How grave an entry of drift is and why, and with which commands a person answers it. Pure."""

from __future__ import annotations

import shlex
from typing import Literal

from dynia.services.planning.drift_items import item, what_drifted
from dynia.services.planning.plan import Drift

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
# Longer than any path that a person would type again.
LONGEST = 500

_TAMPERED: dict[str, tuple[Severity, str]] = {
    "node": ("high", "one machine less serves"),
    "reserved_ip": ("high", "visitors do not reach the cluster by it"),
    "record": ("high", "visitors are led elsewhere, or nowhere"),
    "firewall": ("high", "who may come in is not what was applied"),
    "unit": ("high", "it does not run as it was applied"),
    "container": ("high", "it does not run as it was applied"),
    "network": ("high", "a container cannot be reached as it was applied"),
    "file": ("medium", "it counts from the next reload or restart on, at the latest"),
}
_ORPHANS: dict[str, tuple[Severity, str]] = {
    "node": ("medium", "it costs money, and nobody looks after it"),
    "reserved_ip": ("low", "it costs money, and leads nowhere"),
    "record": ("medium", "a name leads here that the file does not know"),
    "container": ("medium", "it runs, and nobody looks after it"),
}


def severity_of(drift: Drift) -> tuple[Severity, str]:
    """How grave, and why."""
    if drift.category == "split":
        return "critical", "who has the reserved IP is not agreed: visitors may reach nobody"
    if drift.category == "orphan":
        return _ORPHANS.get(drift.kind, ("low", "nothing that was applied uses it"))
    if drift.kind == "file" and "edited" not in drift.detail and drift.detail != "gone":
        return "medium", "its content is as it was applied, who may read or write it is not"
    return _TAMPERED[drift.kind]


def commands_for(drift: Drift, cluster: str) -> tuple[str, ...]:
    """The most likely answer first. A name that cannot be typed is in none of them."""
    target, named = f"--cluster {cluster}", item(drift)
    if drift.category == "split":
        taken_off = drift.remedy.startswith("will be")
        return tuple(f"dynia {verb} {target}" for verb in (("apply", "status") if taken_off else ("status",)))
    commands = [f"dynia apply {target}"]
    if not named.isprintable() or len(named) > LONGEST:
        return tuple(commands)
    word = shlex.quote(named)
    if drift.kind not in ("node", "reserved_ip"):
        commands.append(f"dynia drift revert {word} {target}")
        if _may_be_in_the_files(drift):
            commands.append(f"dynia drift adopt {word} {target}")
    return (*commands, f'dynia drift ignore {word} --until 7d --because "..." {target}')


def _may_be_in_the_files(drift: Drift) -> bool:
    """Of what Dynia renders, and of what runs, no file can say another thing."""
    ours = what_drifted(drift).startswith("services/") and not drift.subject.endswith("/override.yaml")
    return drift.category == "tampered" and (drift.kind == "record" or (drift.kind == "file" and ours))


def commands_for_silent(node: str, reason: str, cluster: str) -> tuple[str, ...]:
    """A node that its provider knows to be off or gone is the next apply's; else a person decides."""
    target = f"--cluster {cluster}"
    if reason.endswith("at the provider"):
        return (f"dynia apply {target}",)
    return (f"dynia status {target}", f"dynia node replace {shlex.quote(node)} {target}")
