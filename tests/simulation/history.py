"""Laws that are about the way, not the end: read from a world's record, entry by entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dynia.interfaces.desired import ApiEntry, ClusterSpec
from dynia.state.generation import FOLDER
from dynia.state.manifest import PATH as MANIFEST
from tests.simulation.record import Entry
from tests.simulation.runner import Run
from tests.simulation.world import SERVICES

# What a node keeps of its cluster serves nobody.
BOOKS = (MANIFEST, FOLDER)
DEEDS = ("write", "erase", "made", "deleted", "start", "bound", "unbound", "released", "attached", "detached")


def broken(entries: Sequence[Entry], runs: Sequence[Run]) -> list[str]:
    """What was done that may not be done, each once."""
    specs = {run.name: run.spec for run in runs}
    ended = [run for run in runs if run.code == 0 and run.result is not None and not run.result.left]
    # What is asked for by hand says nothing of the rest of the file.
    whole = {run.name for run in ended if run.by_hand is None}
    half = [
        f"law 8: {e.where}: {e.detail} is not what it was before a push that failed at {e.at:.3f}"
        for e in entries
        if e.what == "not back"
    ]
    half += [
        f"law 3: {e.who} went back, and {e.where} is still on what failed ({e.detail}) at {e.at:.3f}"
        for e in entries
        if e.what == "left behind"
    ]
    watchers = (Approved(), Never(specs), Announced(specs, whole), OneWriter(), Once(specs))
    back = {run.name: run.back_to for run in runs}
    for entry in entries:
        if entry.what == "goes back":
            specs[entry.who] = back[entry.who]
        for watcher in watchers:
            watcher.see(entry)
    return [*half, *(said for watcher in watchers for said in watcher.found)]


class Approved:
    """Law 4: what a person changed after the approved look is not written over in that apply. (What is changed
    while the very call that writes has the node's lock is beyond it.)"""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._looks: dict[str, dict[str, float]] = defaultdict(dict)
        self._approved: dict[str, dict[str, float]] = {}
        self._edits: dict[tuple[str, str], list[float]] = defaultdict(list)
        # Since then a file is what the run itself wrote: on a way back it is written twice.
        self._own: dict[tuple[str, str, str], float] = {}
        # Files that a person changed, and no run since.
        self._by_hand: dict[tuple[str, str], float] = {}

    def see(self, entry: Entry) -> None:
        match entry.what:
            case "look":
                self._looks[entry.who][entry.where] = entry.at
            case "approved":
                self._approved[entry.who] = dict(self._looks[entry.who])
            case "edit":
                self._edits[entry.where, entry.detail].append(entry.at)
                self._by_hand[entry.where, entry.detail] = entry.at
            case "put over":
                if self._by_hand.pop((entry.where, entry.detail), entry.number) < entry.number:
                    self.found.append(
                        f"law 4: {entry.who} puts {entry.where} back over {entry.detail} at {entry.at:.3f}: "
                        "a person changed it since a push died there"
                    )
            case "write" | "erase":
                self._by_hand.pop((entry.where, entry.detail), None)
                seen = self._approved.get(entry.who, {}).get(entry.where)
                edits = self._edits.get((entry.where, entry.detail), ())
                own = (entry.who, entry.where, entry.detail)
                since, self._own[own] = self._own.get(own, 0.0), entry.at
                if seen is not None and any(max(seen, since) < at < entry.number for at in edits):
                    self.found.append(
                        f"law 4: {entry.who} {entry.what} {entry.where} {entry.detail} at {entry.at:.3f}: "
                        "changed by a person since the approved look"
                    )


class Never:
    """Law 5: of the nodes that a run saw serve, it takes away no more than it may, and the holder last;
    and the address from nobody who holds it."""

    def __init__(self, specs: dict[str, ClusterSpec | None]) -> None:
        self.found: list[str] = []
        self._specs = specs
        self._serving: dict[str, set[str]] = defaultdict(set)
        self._seen: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._out: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._holder: dict[str, str] = {}
        # By the provider's word, as far as the run heard it.
        self._owner: dict[str, str] = {}
        self._holder_done: set[str] = set()
        # When a run saw who has it, and when it moved last; what people said yes to.
        self._holder_seen: dict[str, float] = {}
        self._moved = 0.0
        self._agreed: set[str] = set()
        # Nodes that seem to lead nobody to what runs there: they are mended first, whoever holds the address.
        self._astray: dict[str, set[str]] = defaultdict(set)
        # Nodes that run what nobody is led to, by run, and what was done in the belief that they serve.
        self._misled: dict[str, set[str]] = defaultdict(set)
        self._relied: dict[str, list[str]] = defaultdict(list)

    def see(self, entry: Entry) -> None:
        match entry.what:
            case "in":
                self._serving[entry.detail].add(entry.where)
                for (_, service), out in self._out.items():
                    if service == entry.detail:
                        out.discard(entry.where)
            case "out":
                self._serving[entry.detail].discard(entry.where)
                self._taken(entry)
            case "look":
                self._look(entry)
            case "released" if entry.detail:
                self.found.append(
                    f"law 5: {entry.who} gives {entry.where} back at {entry.at:.3f}, and {entry.detail} holds it"
                )
            case "sent" if entry.detail == "list addresses":
                self._owner.pop(entry.who, None)
            case "told owner":
                self._owner[entry.who] = entry.where
            case "holder":
                self._moved = entry.at
            case "agreed to an interruption":
                self._agreed.add(entry.who)
            case "cuts":
                self._cut(entry)
            case "pass":
                self._holder_done.discard(entry.who)
                self._relied[entry.who].clear()
            case "write" if entry.where in self._misled[entry.who] and "/caddy/" in entry.detail:
                # It was mended in this pass, so it could have been mended before.
                self.found += self._relied[entry.who]
                self._relied[entry.who].clear()

    def _look(self, entry: Entry) -> None:
        spec = self._specs.get(entry.who)
        if spec is None:
            return
        if entry.detail.startswith("holder"):
            self._holder[entry.who], self._holder_seen[entry.who] = entry.where, entry.at
        elif self._holder.get(entry.who) == entry.where:
            del self._holder[entry.who]
        (self._misled[entry.who].add if "misled" in entry.detail else self._misled[entry.who].discard)(
            entry.where
        )
        (self._astray[entry.who].add if "astray" in entry.detail else self._astray[entry.who].discard)(
            entry.where
        )
        for service in spec.services:
            key = (entry.who, service.name)
            self._out[key].discard(entry.where)
            # One that serves a part of what runs on it is being mended, and that goes on; to one that is kept out
            # nobody comes.
            apart = "misled" in entry.detail or f"apart:{service.name}" in entry.detail.split()
            if entry.where in self._serving[service.name] and not apart:
                self._seen[key].add(entry.where)
            else:
                self._seen[key].discard(entry.where)

    def _cut(self, entry: Entry) -> None:
        """The entrance of who has the address: not while a run knows that it has, and of somebody who serves what
        visitors come to, unless people agreed."""
        spec = self._specs.get(entry.who)
        knew = self._holder.get(entry.who) == entry.where and self._moved < self._holder_seen[entry.who]
        if not knew or spec is None or spec.nodes == 1 or entry.who in self._agreed:
            return
        if any(self._seen[entry.who, s.name] for s in spec.services if s.kind == "http"):
            self.found.append(
                f"law 5: {entry.who} interrupts {entry.detail} on {entry.where} at {entry.at:.3f}, which has the "
                "address"
            )

    def _taken(self, entry: Entry) -> None:
        spec, key = self._specs.get(entry.who), (entry.who, entry.detail)
        if spec is None or spec.nodes == 1 or entry.where not in self._seen[key]:
            return
        if entry.detail not in {s.name for s in spec.services}:
            return
        others_seen = self._seen[key] - {entry.where}
        if entry.number and others_seen & self._serving[entry.detail]:
            self.found.append(
                f"drain: {entry.who} takes {entry.detail} on {entry.where} from its visitors at {entry.at:.3f}"
            )
        self._out[key].add(entry.where)
        # Whom a person or a fault took since the look counts still: the run could not know.
        others = self._serving[entry.detail] | (self._seen[key] - self._out[key])
        left, least = len(others - {entry.where}), max(1, spec.nodes - spec.rollout.max_unavailable)
        if entry.where in self._astray[entry.who]:
            # It seems to serve nobody; that Caddy still has what it once read, a look does not tell.
            least = 1
        if left < least:
            said = (
                f"law 5: {entry.who} leaves {entry.detail} on {left} of {spec.nodes} nodes at {entry.at:.3f}, "
                f"{least} must serve"
            )
            if len((others | self._misled[entry.who]) - {entry.where}) < least:
                self.found.append(said)
            else:
                self._relied[entry.who].append(said)
        holders = self._owner if isinstance(spec.entry, ApiEntry) else self._holder
        if entry.where == holders.get(entry.who):
            if entry.where not in self._astray[entry.who]:
                self._holder_done.add(entry.who)
        elif entry.who in self._holder_done:
            self.found.append(
                f"law 5: {entry.who} takes out {entry.where} at {entry.at:.3f}, after the holder of the address"
            )


class Announced:
    """Law 6: no step is said to have ended well, and no apply to be whole, without the fact."""

    def __init__(self, specs: dict[str, ClusterSpec | None], whole: set[str]) -> None:
        self.found: list[str] = []
        self._specs, self._whole = specs, whole
        self._facts: dict[str, set[str]] = defaultdict(set)
        self._begun: dict[tuple[str, str], set[str]] = {}
        self._serving: dict[str, set[str]] = defaultdict(set)
        # By a person: an apply is whole without them.
        self._drained: set[str] = set()
        self._looks: dict[str, dict[str, tuple[float, set[str]]]] = defaultdict(dict)
        self._last_deed: dict[str, float] = defaultdict(float)
        self._holder = ""
        self._booted: dict[str, float] = {}
        self._since: dict[tuple[str, str], float] = {}

    def see(self, entry: Entry) -> None:
        match entry.what:
            case "holder":
                self._holder = entry.where
            case "booted":
                self._booted[entry.where] = entry.at
            case "began":
                self._since[entry.who, entry.where] = entry.at
                self._begun[entry.who, entry.where] = set()
            case "done" | "healthy" | "made" | "adopted" | "start":
                fact = f"{entry.what} {entry.where} {entry.detail}".rstrip()
                for (who, _), facts in self._begun.items():
                    if who == entry.who:
                        facts.add(fact)
            case "ended well":
                self._ended(entry)
            case "in":
                self._serving[entry.detail].add(entry.where)
            case "out":
                self._serving[entry.detail].discard(entry.where)
            case "drains":
                self._drained.add(entry.where)
            case "undrains":
                self._drained.discard(entry.where)
            case "look":
                served = {service for service, names in self._serving.items() if entry.where in names}
                if entry.where in self._drained:
                    served |= set(SERVICES)
                self._looks[entry.who][entry.where] = (entry.at, served)
            case "ended" if entry.where == "0" and entry.who in self._whole:
                self._all_said(entry)
        if entry.what in DEEDS and not entry.detail.startswith(BOOKS):
            self._last_deed[entry.who] = entry.at

    def _ended(self, entry: Entry) -> None:
        facts = self._begun.pop((entry.who, entry.where), set())
        node, _, rest = entry.where.partition("/")
        component, _, deed = rest.rpartition("/")
        match deed:
            case "push" | "activate" | "remove":
                wanted = f"done {node} {component}"
            case "drain" | "undrain":
                wanted = f"done {node} {deed}"
            case "reboot":
                if node not in self._booted or self._booted[node] < self._since.get(
                    (entry.who, entry.where), 0.0
                ):
                    self.found.append(f"law 6: {entry.who} says that {node} was rebooted at {entry.at:.3f}")
                return
            case "hand-over":
                if self._holder == node:
                    self.found.append(f"law 6: {entry.who} says that {node} handed over at {entry.at:.3f}")
                return
            case "wait" | "watch":
                wanted = f"healthy {node} {component.removeprefix('service/')}"
            case _:
                return
        if wanted not in facts:
            self.found.append(
                f"law 6: {entry.who} says that {entry.where} ended well at {entry.at:.3f}; it did not"
            )

    def _all_said(self, entry: Entry) -> None:
        """Whole: each node was looked at after the last deed, and served all that the file names."""
        spec = self._specs.get(entry.who)
        if spec is None:
            return
        fresh = {n: s for n, (at, s) in self._looks[entry.who].items() if at >= self._last_deed[entry.who]}
        if len(fresh) < spec.nodes:
            self.found.append(
                f"law 6: {entry.who} says that all is done and looked at {sorted(fresh)} alone since"
            )
        for name, served in fresh.items():
            missing = {s.name for s in spec.services} - served
            if missing:
                self.found.append(
                    f"law 6: {entry.who} says that all is done; {sorted(missing)} did not serve on {name}"
                )


class Once:
    """What is to run before a release has run to its end before any node is given that."""

    def __init__(self, specs: dict[str, ClusterSpec | None]) -> None:
        self.found: list[str] = []
        self._specs = specs
        self._ran: set[str] = set()

    def see(self, entry: Entry) -> None:
        if entry.what == "ran":
            self._ran.add(entry.detail)
        spec = self._specs.get(entry.who)
        asked = spec is not None and any(s.pre_deploy for s in spec.services)
        if entry.what == "brought" and asked and entry.detail not in self._ran:
            self.found.append(
                f"pre_deploy: {entry.who} brought {entry.detail!r} to {entry.where} before it ran"
            )


class OneWriter:
    """Law 11: whoever has no lease, or one that another has taken over, begins nothing. Who froze between the check
    and the call is refused by the node itself, so there the deed counts; no vendor would refuse."""

    ON_NODES = ("push", "confirm", "remove", "drain", "undrain", "bootstrap")
    AT_VENDORS = (
        "create",
        "start",
        "delete",
        "allocate",
        "release",
        "attach",
        "detach",
        "bind",
        "change",
        "unbind",
    )

    def __init__(self) -> None:
        self.found: list[str] = []
        self._held: dict[str, str] = {}
        self._latest = ""
        self._late: dict[tuple[str, str], str] = {}

    def see(self, entry: Entry) -> None:
        match entry.what:
            case "lock":
                self._held[entry.who] = entry.where
                self._latest = max(self._latest, entry.where)
            case "unlock":
                if self._held.get(entry.who) == entry.where:
                    del self._held[entry.who]
            case "sent":
                verb = entry.detail.split(" ")[0]
                if verb in (*self.ON_NODES, *self.AT_VENDORS) and self._held.get(entry.who) != self._latest:
                    said = (
                        f"law 11: {entry.who} sends {entry.detail} at {entry.at:.3f} "
                        f"with lease {self._held.get(entry.who, 'none')}, and {self._latest} was taken"
                    )
                    if verb in self.AT_VENDORS:
                        self.found.append(said)
                    else:
                        self._late[entry.who, entry.where] = said
            case "done" if (entry.who, entry.where) in self._late:
                self.found.append(self._late.pop((entry.who, entry.where)))
