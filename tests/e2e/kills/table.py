"""The table: every kind of step, at which phase of which life it is met, and the points at which it is killed."""

from __future__ import annotations

import typing

from dynia.interfaces.shape import Shape
from dynia.services.actions import (
    ActivateComponent,
    AllocateReservedIp,
    AnyAction,
    AttachReservedIp,
    BindDns,
    BootstrapNode,
    DeleteNode,
    DetachReservedIp,
    Drain,
    DrainNode,
    ForgetIntent,
    ForgetNode,
    HandOver,
    ObtainCertificate,
    PreDeploy,
    ProvideImage,
    ProvisionNode,
    PushComponent,
    RebootNode,
    RecordComponent,
    ReleaseReservedIp,
    RemoveComponent,
    RestartComponent,
    StartNode,
    UnbindDns,
    Undrain,
    UndrainNode,
    WaitHealthy,
    WatchHealthy,
    WriteManifest,
)
from dynia.services.actions.base import Action

# Before the deed, its begin not written and written; in it; after it, its end not written and written.
POINTS = ("unbegun", "begun", "during", "done", "ended")


class Phase(Shape):
    """What a life goes through, and the kinds that are killed in it, in the order in which they are met.

    A life has a method of the phase's name that brings its steps about. `each`: an apply goes through after every
    kill; else after the last one of the phase, and until then the next kill meets what the last one left.
    """

    name: str
    kinds: tuple[type[Action], ...]
    each: bool = False


class Row(Shape):
    """One kill."""

    phase: Phase
    kind: str
    point: str

    def __str__(self) -> str:
        return f"{self.phase.name}-{self.kind}-{self.point}"


# Nodes in containers: everything that is done on a node, and to machines of the lab.
LAB = (
    Phase(name="create", kinds=(AllocateReservedIp, ProvisionNode, BootstrapNode)),
    Phase(name="left", kinds=(RemoveComponent,)),
    Phase(name="another_image", kinds=(ProvideImage, WaitHealthy)),
    Phase(name="another_release", kinds=(PreDeploy, Drain, Undrain, WatchHealthy), each=True),
    Phase(name="restarted", kinds=(RestartComponent,), each=True),
    Phase(name="away", kinds=(DrainNode,), each=True),
    Phase(name="back", kinds=(UndrainNode,), each=True),
    Phase(name="promoted", kinds=(HandOver,), each=True),
    Phase(name="entrance", kinds=(HandOver,), each=True),
    Phase(name="rebooted", kinds=(RebootNode,), each=True),
    Phase(name="firewall", kinds=(PushComponent,), each=True),
    Phase(name="in_place", kinds=(RecordComponent,), each=True),
    Phase(name="unloaded", kinds=(ActivateComponent,), each=True),
    Phase(name="manifest", kinds=(WriteManifest,), each=True),
    Phase(name="another_name", kinds=(ObtainCertificate,)),
    Phase(name="off", kinds=(StartNode,)),
    Phase(name="gone", kinds=(ForgetNode,)),
    Phase(name="unwanted", kinds=(ForgetIntent,), each=True),
    Phase(name="destroy", kinds=(DeleteNode, ReleaseReservedIp)),
)
# A droplet at the twin: everything that is asked of vendors. `during` is a call that the vendor has and holds back:
# it lands when the runner is dead.
CLOUD = (
    Phase(name="create", kinds=(ProvisionNode, AllocateReservedIp)),
    Phase(name="loose", kinds=(AttachReservedIp,)),
    Phase(name="unnamed", kinds=(BindDns,)),
    Phase(name="misnamed", kinds=(UnbindDns,)),
    Phase(name="stray", kinds=(DetachReservedIp, ReleaseReservedIp)),
    Phase(name="off", kinds=(StartNode,)),
    Phase(name="destroy", kinds=(DeleteNode, ReleaseReservedIp)),
)
LIVES = {"lab": LAB, "cloud": CLOUD}


def kind_of(action: type[Action]) -> str:
    return str(action.__struct_config__.tag)


def all_kinds() -> frozenset[str]:
    """From the list of actions: whoever adds one has to say where it is killed."""
    return frozenset(kind_of(action) for action in typing.get_args(AnyAction))


def rows(life: tuple[Phase, ...]) -> tuple[Row, ...]:
    return tuple(
        Row(phase=phase, kind=kind_of(action), point=point)
        for phase in life
        for action in phase.kinds
        for point in POINTS
    )


def quick() -> frozenset[str]:
    """The rows of `make test`: each kind of the first phase on nodes, each at another point."""
    first = LAB[0]
    return frozenset(
        str(Row(phase=first, kind=kind_of(action), point=POINTS[(number + 2) % len(POINTS)]))
        for number, action in enumerate(first.kinds)
    )
