"""About how long a plan takes, told by how long such steps took in earlier applies."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from dynia.interfaces.desired import ClusterSpec
from dynia.services.planning.plan import Step
from dynia.services.planning.turn import component
from dynia.state.model import LONGEST_S, Cluster, Pace, SetPace, State

# What follows every pass: a look at the cluster. Its pace is kept beside those of steps.
LOOK = ("look", "")
SAMPLES = 5


def kind_of(step: Step) -> tuple[str, str]:
    """Steps of one kind on one component take about as long as each other."""
    return str(type(step.action).__struct_config__.tag), component(step)


def paced(state: State, cluster: str, kind: tuple[str, str], seconds: float) -> tuple[SetPace, ...]:
    """What the state remembers of one more time. Nothing where the cluster is not in it any more."""
    home = state.cluster(cluster)
    if home is None:
        return ()
    known = next((pace.seconds for pace in home.paces if (pace.kind, pace.component) == kind), ())
    kept = (*known, min(round(seconds, 1), LONGEST_S))[-SAMPLES:]
    return (SetPace(cluster=cluster, pace=Pace(kind=kind[0], component=kind[1], seconds=kept)),)


def still_of_use(paces: tuple[Pace, ...], spec: ClusterSpec) -> tuple[Pace, ...]:
    """Without those of services that left the file, so that no more is kept than there are components."""
    services = {f"service/{service.name}" for service in spec.services}
    return tuple(p for p in paces if p.component in services or not p.component.startswith("service/"))


class Paces:
    """How long kinds of steps take: the median of the last times, of the component itself where it is known,
    else of all that had such a step."""

    def __init__(self, home: Cluster | None) -> None:
        self._exact: dict[tuple[str, str], float] = {}
        kinds: dict[str, list[float]] = {}
        for pace in home.paces if home else ():
            if pace.seconds:
                self._exact[pace.kind, pace.component] = median(pace.seconds)
                kinds.setdefault(pace.kind, []).extend(pace.seconds)
        self._kinds = {kind: median(all_of_it) for kind, all_of_it in kinds.items()}

    def of(self, kind: tuple[str, str]) -> float | None:
        return self._exact.get(kind, self._kinds.get(kind[0]))


def about(home: Cluster | None, passes: Iterable[tuple[Step, ...]]) -> float | None:
    """Seconds along the longest way through the steps of each pass, and a look after it. None where some kind
    of step was never seen to end in this cluster: half an estimate would be none."""
    paces = Paces(home)
    look, total = paces.of(LOOK), 0.0
    for steps in passes:
        if not steps:
            continue
        if look is None:
            return None
        ends: dict[str, float] = {}
        for step in steps:
            took = paces.of(kind_of(step))
            if took is None:
                return None
            ends[step.id] = took + max((ends[name] for name in step.after if name in ends), default=0.0)
        total += max(ends.values()) + look
    return total
