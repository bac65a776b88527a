"""How an apply ended: the exit code, what was done, what is left and why."""

from __future__ import annotations

from dataclasses import dataclass

from dynia.services.planning.plan import Plan, Step
from dynia.state.hold import Hold, KeptOut

PAUSED = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed, in words for people."""

    step: str
    node: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Back:
    """What became of the way back to generation `to`. `holds` are the releases that failed, `nodes` were seen
    on what they had, `silent` did not answer and were not changed, `astray` did not answer and may run what
    failed; `out` is what HAProxy sends them nothing of. `failures` and `left` say why others are not back."""

    to: int
    holds: tuple[Hold, ...]
    done: int = 0
    nodes: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    astray: tuple[str, ...] = ()
    out: tuple[KeptOut, ...] = ()
    failures: tuple[Failure, ...] = ()
    left: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        return not (self.failures or self.left or self.astray)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How an apply ended. `exit_code` as in the table of exit codes; `plan` is what was approved;
    `left` is what is still wanted and was not done, with reasons; `last` is the last look at the world.
    `back` tells of the way back, where there was one."""

    exit_code: int
    plan: Plan
    last: Plan
    done: int
    failures: tuple[Failure, ...]
    not_run: tuple[Step, ...]
    seconds: float
    generation: int
    back: Back | None = None

    @property
    def paused(self) -> bool:
        """Nothing is the matter but that a release waits for a person's word."""
        return self.exit_code == PAUSED

    @property
    def went_on(self) -> bool:
        """A release failed on nodes that were left behind, and the others' rollout went on to its end."""
        return bool(self.failures) and not self.last.steps and self.back is None

    @property
    def left(self) -> tuple[tuple[str, str], ...]:
        return (*self.last.not_observed, *((w.subject, w.reason) for w in self.last.waiting if not w.final))


def code_of(last: Plan) -> int:
    """How an apply ended after which this is what is left. Where somebody did not answer, what waits may wait
    for them; a release that waits for a person's word is told where nothing else is the matter."""
    undone = [w for w in last.waiting if not w.final]
    if last.not_observed or not undone:
        return 4 if last.not_observed else 0
    amiss = [w for w in undone if not w.paused]
    if not amiss:
        return PAUSED
    return 4 if all(w.unseen for w in amiss) else 7
