"""The life of a cluster whose applies are killed one after the other, and what must hold after each kill."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.kills import knife
from tests.e2e.kills.knife import Stop
from tests.e2e.kills.table import Phase, Row
from tests.e2e.scratch import Scratch

SEED = 5002
SECONDS = 300.0
TRIES = 3
# A machine that is only just booting does not answer: the apply says so, touches nothing there, and is run again.
NOT_OBSERVED, PATIENCE = 4, 5
# Points at which nothing of the deed may be there yet, and at which all of it must be.
BEFORE, AFTER = ("unbegun", "begun"), ("done", "ended")


class Life:
    """`phase` is what it goes through now; `open`: an apply was killed, and no later one went through yet.

    A kind of life says how each phase is brought about (a method of that name), and judges from outside.
    """

    def __init__(self, cluster: Scratch, phases: tuple[Phase, ...]) -> None:
        self.cluster, self.first, self.last = cluster, phases[0].name, phases[-1].name
        self.phase = self.first
        self.born = self.open = False

    def row(self, row: Row, *, ends: bool) -> None:
        """Kill an apply there, and look; where `each` row or this one `ends` its phase, the next apply must go through."""
        self.turn_to(row.phase)
        began = time.monotonic()
        stop = self.met(row)
        killed = time.monotonic() - began
        self.open = True
        print(f"{row}: killed at {stop.step}{' (it was quick)' if stop.quick else ''} after {killed:.1f} s")
        assert stop.written is (row.point in ("begun", "ended") or (row.point == "during" and not stop.quick))
        self.check_twins()
        if row.phase.each or ends:
            self.settle()

    def turn_to(self, phase: Phase) -> None:
        """Another phase begins with nothing left to do."""
        if phase.name == self.phase:
            return
        if self.open or not self.born:
            self.settle()
        self.phase = phase.name

    def met(self, row: Row) -> Stop:
        """The kill. What the last one left may be all done by now: then it is brought about anew."""
        for number in range(TRIES):
            if (number or not self.open) and (self.phase != self.first or self.born):
                self.bring_about(row.phase)
            stop = self.kill(row.kind, row.point)
            if stop is not None:
                return stop
        raise AssertionError(f"{row}: in {TRIES} applies there was no such step")

    def bring_about(self, phase: Phase) -> None:
        deed: Callable[[], None] = getattr(self, phase.name)
        deed()

    def kill(self, kind: str, point: str) -> Stop | None:
        """Where the apply was killed; None: it went through without."""
        for _ in range(PATIENCE):
            code, stop = self.attempt(kind, point)
            if stop is not None:
                return stop
            if code != NOT_OBSERVED:
                break
        assert code == 0, self.said()
        self.born = True
        return None

    def attempt(self, kind: str, point: str) -> tuple[int, Stop | None]:
        """One apply: its exit code, and where it was killed."""
        delay = random.Random(f"{SEED} {self.phase} {kind}").uniform(0.02, 0.4)
        told = self.cluster.folder / "stopped.json"
        process = self.cluster.begin(*self.killed(), variables=knife.variables(kind, point, delay, told))
        try:
            stop = knife.wait_for_stop(process, told, SECONDS)
            if stop is not None:
                self.check_deed(kind, point, stop.step)
        finally:
            if process.poll() is None:
                knife.kill(process)
        return process.returncode, stop

    def check_deed(self, kind: str, point: str, step: str) -> None:
        """While it stands still: what is meant to be a deed that was not begun, or one that ended, must be so outside."""
        done = None if point == "during" else self.is_done(kind, step)
        if done is not None:
            assert done is (point in AFTER), f"{kind} {point}: {step} {'is' if done else 'is not'} done"

    def settle(self) -> None:
        """The next apply goes through, nothing is left to do, and nothing is left over or there twice."""
        for _ in range(PATIENCE):
            done = self.cluster.dynia(*self.argv(), exits=None, timeout=900)
            print(f"  then: exit {done.exit} after {done.seconds:.1f} s")
            if done.exit != NOT_OBSERVED:
                break
        assert done.exit == 0, str(done)
        if self.phase == self.last:
            self.check_gone()
        else:
            self.cluster.dynia("plan", "--detailed-exitcode")
            self.check_whole()
        self.born, self.open = True, False

    def argv(self) -> tuple[str, ...]:
        name = self.cluster.name
        if self.phase == self.last:
            return ("cluster", "destroy", name, "--yes-destroy", name)
        return ("apply", "--yes", "--allow-destroy", "9")

    def killed(self) -> tuple[str, ...]:
        """What is killed; what goes through afterwards is `argv`."""
        return self.argv()

    def said(self) -> str:
        """What the last killed or ended apply printed."""
        logs = sorted(self.cluster.folder.glob("begun-*.log"), key=lambda one: one.stat().st_mtime)
        return Path(logs[-1]).read_text()

    def create(self) -> None:
        """The first phase needs nothing but the files, and comes once."""
        raise AssertionError("a cluster is created once")

    def destroy(self) -> None:
        """Nor does the last one."""

    def is_done(self, kind: str, step: str) -> bool | None:
        """Whether what the step does is done, by the world's word; None: that can't be told from outside."""
        raise NotImplementedError

    def check_twins(self) -> None:
        """At no moment there are two of one."""
        raise NotImplementedError

    def check_whole(self) -> None:
        raise NotImplementedError

    def check_gone(self) -> None:
        raise NotImplementedError
