"""Everything that the planner looks at, as one value."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import Observed
from dynia.interfaces.shape import Shape
from dynia.services.planning.by_hand import ByHand
from dynia.services.planning.scope import WHOLE, Scope
from dynia.state.generation import Rollback
from dynia.state.model import State


class Aside(Shape, order=True):
    """A node that a rollout leaves behind, with the component and the release that failed there."""

    node: str
    component: str
    release: str


class PlanningInput(Shape):
    """`desired` is None when the cluster is to be destroyed. `templates` maps
    ``haproxy/haproxy.cfg.mustache`` to the text in force (built-in, replaced by the team's own). `secrets`
    maps the path of a secret file to its content where the source was there at plan time; it goes into
    releases and nowhere else. `target` is the cluster's name. `leave_names`: records of a cluster that is
    destroyed stay, and are not looked at. `rollback`: `desired` is what a generation was, and nothing but
    releases on the nodes that there are is changed. `replace` is a node that another machine is to take the
    place of, or empty. `by_hand`: only that is asked for, and nothing of the file's. `resumed`: by service
    the release that is to go on after its canary. `aside`: nodes on which a release failed in this apply:
    nothing more is done there, and nobody counts on them. `protect` is where the cluster is protected (a
    place in the file, or words); empty: it is not. `scope` is the part of the
    file that this is about."""

    target: str
    desired: ClusterSpec | None
    state: State
    observed: Observed
    templates: dict[str, str] = {}
    secrets: dict[str, bytes] = {}
    leave_names: bool = False
    rollback: Rollback | None = None
    by_hand: ByHand | None = None
    replace: str = ""
    resumed: dict[str, str] = {}
    aside: tuple[Aside, ...] = ()
    protect: str = ""
    scope: Scope = WHOLE

    def __repr__(self) -> str:
        return f"PlanningInput({self.target!r})"
