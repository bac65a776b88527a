"""Runs as a history tells them, for the screens about them."""

from __future__ import annotations

from dynia.commands.screens.history import RunView
from dynia.services.history import Begun, Ended, Run, drift_seen
from dynia.services.planning.digest import sealed
from tests.unit.screens.more_samples import DRILLS, GONE_WRONG, WELL_DONE
from tests.unit.screens.samples import DRIFT_AND_PENDING, IMAGE_CHANGE, LONG, NOW

PLAN = sealed(IMAGE_CHANGE)
JOB = "https://ci.example.com/acme/cluster/runs/4711"


def _begun(verb: str, hours: int, **more: object) -> Begun:
    told = {"by": "ci@runner-7", "commit": "9d2e11a0c4b1", "url": JOB, "tool": "2.0", "generation": 41}
    return Begun(verb=verb, cluster="prod", at=NOW - hours * 3600, **{**told, **more})  # type: ignore[arg-type]


def _ended(begun: Begun, seconds: float, result: str, code: int, **more: object) -> Ended:
    told = {"generation": begun.generation, **more}
    return Ended(at=begun.at + seconds, seconds=seconds, result=result, exit_code=code, **told)  # type: ignore[arg-type]


def _run(number: int, begun: Begun, ended: Ended | None = None, **more: object) -> Run:
    return Run(number=number, begun=begun, ended=ended, **more)  # type: ignore[arg-type]


_NEWEST = _begun("apply", 0, generation=42, steps=17)
_DRIFT = _begun("drift", 8)
_WELL = _begun("apply", 11, steps=17, digest=PLAN.digest)
_FAILED = _begun("deploy", 20, steps=17, digest="sha256:" + "1f" * 32)
_KILLED = _begun("node reboot --all --os-updates", 30, by=f"somebody@{LONG}", commit="", url="", steps=12)
_DRILL = _begun("drill failover --hard", 50)

RUNS = (
    _run(12, _NEWEST, going=True),
    _run(11, _DRIFT, _ended(_DRIFT, 2.1, "drift", 3)),
    _run(10, _WELL, _ended(_WELL, 194.2, "done", 0, done=17, generation=42)),
    _run(
        9,
        _FAILED,
        _ended(_FAILED, 401.0, "rolled_back", 8, done=9, message="api did not become healthy in 30 s"),
    ),
    _run(8, _KILLED),
    _run(7, _DRILL, _ended(_DRILL, 12.8, "done", 0, drill=next(iter(DRILLS.values())))),
    Run(number=6, unreadable="it was torn or changed by hand"),
)
VIEWS = {
    "well": RunView(run=RUNS[2], plan=PLAN, events=WELL_DONE),
    "failed": RunView(run=RUNS[3], plan=None, events=GONE_WRONG),
    "drift": RunView(run=RUNS[1], plan=drift_seen(DRIFT_AND_PENDING)),
    "killed": RunView(run=RUNS[4], plan=PLAN),
    "drill": RunView(run=RUNS[5]),
    "unreadable": RunView(run=RUNS[6]),
}
