"""What happens during an apply, as values: the executor tells, screens and `--progress json` show.

Each event says when (`at`, seconds since the epoch, given by whoever emits it). As JSON each is one
object with ``"event"`` naming its kind; docs/json.md is the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from dynia.interfaces.shape import Shape


class PlannedStep(Shape):
    """A step as screens need it. `node` is empty for the cluster itself."""

    id: str
    node: str
    sentence: str


class RunStarted(Shape, tag_field="event", tag="run_started"):
    """An apply begins. `steps` is how many the approved plan has, later passes included.

    `nodes` are in rollout order; `holder` is who has the entry address now ("" if nobody): it goes last.
    `title` is the verb for people. `version` is that of all events of this run.
    """

    at: float
    cluster: str
    steps: int
    nodes: tuple[str, ...] = ()
    holder: str = ""
    title: str = "apply"
    version: int = 1


class PassStarted(Shape, tag_field="event", tag="pass_started"):
    """A pass begins: `steps` are those of this pass, in the plan's order."""

    at: float
    number: int
    steps: tuple[PlannedStep, ...] = ()


class StepStarted(Shape, tag_field="event", tag="step_started"):
    """A step begins. It may take `deadline_s` at most."""

    at: float
    step: str
    node: str
    sentence: str
    deadline_s: float


class StepProgress(Shape, tag_field="event", tag="step_progress"):
    """Something worth telling inside a long step ("streaming image hello, 12 MB")."""

    at: float
    node: str
    text: str
    step: str = ""


class StepEnded(Shape, tag_field="event", tag="step_ended"):
    """A step ended well, as observed."""

    at: float
    step: str
    node: str
    seconds: float


class StepFailed(Shape, tag_field="event", tag="step_failed"):
    """A step did not happen, or was not observed to. Further lines of `message` are a node's output."""

    at: float
    step: str
    node: str
    message: str
    seconds: float = 0.0
    hint: str = ""


class StepNotRun(Shape, tag_field="event", tag="step_not_run"):
    """A step that was planned and will not be begun in this run."""

    at: float
    step: str
    node: str
    reason: str


class NodeWaiting(Shape, tag_field="event", tag="node_waiting"):
    """Nothing runs on a node now, and why ("holder, last", "waits for misty-owl")."""

    at: float
    node: str
    reason: str


class Note(Shape, tag_field="event", tag="note"):
    """Something that a person should know and that is no step ("found quick-lynx by its tag, adopted")."""

    at: float
    text: str


RunResult = Literal[
    "done",
    "nothing",
    "not_observed",
    "undone",
    "failed",
    "rolled_back",
    "not_rolled_back",
    "paused",
    "stale",
    "locked",
    "refused",
    "interrupted",
]


class RunEnded(Shape, tag_field="event", tag="run_ended"):
    """The apply is over. `exit_code` is the process's."""

    at: float
    result: RunResult
    exit_code: int
    seconds: float
    message: str = ""


Event = (
    RunStarted
    | PassStarted
    | StepStarted
    | StepProgress
    | StepEnded
    | StepFailed
    | StepNotRun
    | NodeWaiting
    | Note
    | RunEnded
)

EventSink = Callable[[Event], None]
"""Whoever wants to know. Called from the event loop, so it must not block."""
