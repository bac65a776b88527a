"""What is known of a running apply: events go in, and every way of showing progress reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dynia.interfaces.events import (
    Event,
    NodeWaiting,
    PassStarted,
    RunEnded,
    RunStarted,
    StepEnded,
    StepFailed,
    StepNotRun,
    StepProgress,
    StepStarted,
)

CLUSTER = "(cluster)"
State = Literal["waiting", "running", "done", "failed", "left"]


@dataclass(slots=True)
class Running:
    """A step that began and has not ended."""

    sentence: str
    since: float
    deadline_s: float
    text: str = ""


@dataclass(slots=True)
class Row:
    """One node: what runs on it, what is still to come in this pass, what it waits for."""

    name: str
    running: dict[str, Running] = field(default_factory=dict)
    left: int = 0
    done: int = 0
    failed: str = ""
    reason: str = ""
    began: float = 0.0
    ended: float = 0.0
    not_run: int = 0

    @property
    def state(self) -> State:
        if self.failed:
            return "failed"
        if self.running:
            return "running"
        if self.left:
            return "waiting"
        if self.not_run:
            return "left"
        return "done" if self.done else "waiting"


class Board:
    """The run as far as it was told. `take` is the only thing that changes it."""

    def __init__(self) -> None:
        self.cluster = ""
        self.title = "apply"
        self.holder = ""
        self.began = 0.0
        self.steps = 0
        self.number = 0
        self.done = 0
        self.rows: dict[str, Row] = {}
        self.sentences: dict[str, str] = {}
        self.ended: RunEnded | None = None

    def row(self, node: str) -> Row:
        name = node or CLUSTER
        if name not in self.rows:
            self.rows[name] = Row(name=name)
        return self.rows[name]

    def take(self, event: Event) -> None:
        """Learn of one event."""
        match event:
            case RunStarted():
                self.cluster, self.title, self.holder = event.cluster, event.title, event.holder
                self.began, self.steps = event.at, event.steps
                self.rows, self.done = {}, 0  # the way back of one that failed begins anew
                for node in event.nodes:
                    self.row(node)
            case PassStarted():
                self.number = event.number
                for row in self.rows.values():
                    row.left = 0
                for step in event.steps:
                    self.sentences[step.id] = step.sentence
                    self.row(step.node).left += 1
            case StepStarted():
                self._started(event)
            case StepProgress():
                for running in self._running_of(event):
                    running.text = event.text
            case StepEnded():
                row = self._off(event.step, event.node, event.at)
                row.done += 1
                self.done += 1
            case StepFailed():
                row = self._off(event.step, event.node, event.at)
                row.failed = event.message or "failed"
            case StepNotRun():
                row = self.row(event.node)
                row.left = max(row.left - 1, 0)
                row.not_run += 1
                row.reason = event.reason
            case NodeWaiting():
                self.row(event.node).reason = event.reason
            case RunEnded():
                self.ended = event
            case _:
                return

    def sentence(self, step: str) -> str:
        """What a step does, in words."""
        return self.sentences.get(step, step)

    def longest_running(self) -> list[tuple[Row, Running]]:
        """What runs now, the longest first."""
        pairs = [(row, running) for row in self.rows.values() for running in row.running.values()]
        return sorted(pairs, key=lambda pair: (pair[1].since, pair[0].name))

    def _started(self, event: StepStarted) -> None:
        self.sentences[event.step] = event.sentence
        row = self.row(event.node)
        row.running[event.step] = Running(event.sentence, event.at, event.deadline_s)
        row.began = row.began or event.at
        row.reason = ""

    def _running_of(self, event: StepProgress) -> list[Running]:
        running = self.row(event.node).running
        if event.step in running:
            return [running[event.step]]
        return list(running.values())[-1:]

    def _off(self, step: str, node: str, at: float) -> Row:
        row = self.row(node)
        row.running.pop(step, None)
        row.left = max(row.left - 1, 0)
        row.ended = at
        return row
