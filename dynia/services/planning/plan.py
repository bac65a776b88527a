"""The plan: steps with their dependencies and reasons, and everything that a reader needs to judge it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dynia.interfaces.shape import Shape
from dynia.services.actions import AnyAction

DriftClass = Literal["tampered", "orphan", "split"]


class Step(Shape):
    """One action. `id` is words (``misty-owl/haproxy/push``), unique in the plan, free of addresses.

    `after` are ids that must have ended well before. `node` is the node it works on, or empty.
    `disturbs` are services that `node` may stop serving between this step's start and `settles`' end,
    where `settles` is the id of the gate that shows it serving again (own id when empty).
    `undoes` is the id of a step whose effect it takes away: once that was begun it is done, even where what
    lies between them failed. `deadline_s` bounds the deed. A push on a node, and what puts it back, end
    before that: people hear why.
    """

    id: str
    action: AnyAction
    why: str
    after: tuple[str, ...] = ()
    node: str = ""
    disturbs: tuple[str, ...] = ()
    settles: str = ""
    undoes: str = ""
    irreversible: bool = False
    deadline_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 180.0


class Drift(Shape):
    """Something observed that differs from what was applied (law: pending changes are not drift).

    `node` is empty for the cluster itself. `subject` is a path, unit, container or address; `detail`
    says what differs in words ("edited", "mode 644 → 600", "stopped and disabled", "gone").
    """

    node: str
    kind: Literal["file", "unit", "container", "network", "firewall", "node", "reserved_ip", "record"]
    subject: str
    category: DriftClass
    detail: str
    since: int = 0
    remedy: str = ""


class Line(Shape):
    """One entry of the Changes list, folded over nodes. `sign` is + (add), ~ (change), - (destroy).

    `nodes` are the nodes that it concerns (all of them: `everywhere`); `details` are (label, text) pairs
    such as ("image", "api:1.8@sha256:11aa → 1.9@sha256:ab01"); `why` is the reason in words. `files`: it is
    about what lies on nodes, so `dynia sync` does it too.
    """

    sign: Literal["+", "~", "-"]
    subject: str
    nodes: tuple[str, ...] = ()
    everywhere: bool = False
    details: tuple[tuple[str, str], ...] = ()
    why: str = ""
    files: bool = False


class Waiting(Shape):
    """Something wanted that this plan does not do, and why ("swift-fox": "no answer in 10 s").

    `final`: it is said so that people know; nothing waits for it, and an apply is whole without it.
    `unseen`: nobody could be asked, so whether it is there already is not claimed (exit 4, not 7).
    `paused`: it waits for a person's word, as the file asks (exit 10, not 7).
    """

    subject: str
    reason: str
    final: bool = False
    unseen: bool = False
    paused: bool = False


class FileDiff(Shape):
    """A file before and after, for --full. None: its text is not known to the runner, or it is no text.

    `was` is the digest of what is applied, empty where it is new or was a secret.
    """

    path: str
    nodes: tuple[str, ...]
    before: str | None
    after: str | None
    component: str = ""
    was: str = ""


class Loss(Shape):
    """Something of a protected cluster that the plan would destroy: what, and how."""

    subject: str
    how: str


class Content(Shape):
    """One part of what is wanted, by its digest: a key of the cluster in clusters.yaml, a file that comes
    with a service, a template. `of` says whose it is (``clusters.yaml``, ``service api``, ``templates``). A
    file that holds a secret is here by name alone: a short secret could be guessed from a digest (law 9)."""

    of: str
    path: str
    digest: str = ""


class Serving(Shape):
    """The worst case of one service: at least `least` of `wanted` nodes serve it at any moment."""

    service: str
    least: int
    wanted: int
    now: int


class Destroyed(Shape):
    """How many things of one kind are gone afterwards, of those there are. `data`: volumes go with them."""

    kind: Literal["node", "service"]
    gone: int
    there: int
    data: bool = False


class Effect(Shape):
    """What it will cost. `serving` is the worst case of each service, `at_once` the one of the cluster: on
    how many nodes at the same moment some service may be out. `moves` counts planned moves of the reserved
    IP; `interrupts` names services that it must interrupt, since there is one node, or no other can take the
    reserved IP (law 5: apply asks once more or takes --allow-downtime). `monthly` is how many US dollars a
    month the cluster costs more afterwards. `names` of the `names_there` DNS records of ours are changed or
    removed. `destroyed` is what is gone afterwards, by kind; nothing where the whole cluster goes. `about_s`
    is how many seconds it will take, as earlier applies tell; None where they do not."""

    serving: tuple[Serving, ...] = ()
    at_once: int = 0
    moves: int = 0
    irreversible: int = 0
    interrupts: tuple[str, ...] = ()
    monthly: float = 0.0
    names: int = 0
    names_there: int = 0
    destroyed: tuple[Destroyed, ...] = ()
    about_s: float | None = None


class Plan(Shape):
    """One pass, and a preview of the next. Equal inputs give an equal plan, byte for byte (law 1).

    `steps` are this pass in a stable order that respects `after`; `later` are the steps of the passes
    that follow, planned on the simulated world with ``(known after apply)`` for unknown addresses.
    `drift` is what differs from what was applied; `changes` what will be made different on purpose (in
    both passes); `order` the nodes in rollout order; `holder` who has the entry address now; `away` are nodes
    that somebody drained until further notice; `not_observed` pairs of node and reason. `reserved_ip` is the
    address or empty. `resumes` are services, each with the release that goes on after its canary. `content`
    is what was wanted when it was planned, and `images` pairs of an image reference and what it meant then.
    `targets` and `excludes` say of which part of the file it is, `replaces` is a node that is to be replaced.
    `protect` is where the cluster is protected; it is refused where it has `losses`.
    `digest` is over what an apply of the plan would do and rests on (`digest.essence`).
    """

    cluster: str
    lineage: str
    serial: int
    generation: int
    provider: str = ""
    node_count: int = 0
    steps: tuple[Step, ...] = ()
    later: tuple[Step, ...] = ()
    drift: tuple[Drift, ...] = ()
    changes: tuple[Line, ...] = ()
    diffs: tuple[FileDiff, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    order: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    holder: str = ""
    away: tuple[str, ...] = ()
    reserved_ip: str = ""
    resumes: tuple[tuple[str, str], ...] = ()
    effect: Effect = Effect()
    not_observed: tuple[tuple[str, str], ...] = ()
    content: tuple[Content, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: str = ""
    protect: str = ""
    losses: tuple[Loss, ...] = ()
    digest: str = ""

    @property
    def empty(self) -> bool:
        """Nothing to do. (Nodes that were not observed make it exit 4 all the same.)"""
        return not self.steps and not self.later

    @property
    def part(self) -> bool:
        """It is of a part of the file alone, so the cluster is not settled by it."""
        return bool(self.targets or self.excludes)

    @property
    def paused(self) -> tuple[Waiting, ...]:
        """What waits for a person's word."""
        return tuple(w for w in self.waiting if w.paused)
