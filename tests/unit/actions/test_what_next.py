"""A failure whose own words do not say what to do ends with the next step: for a full disk, and for a Docker that hangs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from dynia.interfaces.errors import ApplyFailed
from dynia.interfaces.node_requests import (
    Bootstrapped,
    BootstrapRequest,
    GateAnswer,
    GateRequest,
    ImageRequest,
    Room,
)
from dynia.services.actions import BootstrapNode, ProvideImage, WaitHealthy
from dynia.services.actions.base import Action
from dynia.services.actions.setback import out_of_room, what_next
from dynia.state.model import Node
from tests.fakes import states

FULL = "write /var/lib/docker/tmp/x: no space left on device"
SILENT = "Docker does not answer here: systemctl restart docker"
IMAGE = ProvideImage(node="web-1", reference="api:1", pull="api@sha256:1")
BOOTSTRAP = BootstrapNode(node="web-1", packages=("haproxy",))
GATE = WaitHealthy(
    node="web-1", service="api", component="service/api", release="r", project="dynia-api", containers={}
)
ROOM, RESTART = "make room there: `dynia node ssh web-1", "`dynia node ssh web-1 -- systemctl restart docker`"


@dataclass
class Ailing:
    """A node on which nothing works, and which says why."""

    why: str

    async def provide_image(self, request: ImageRequest, layers: None) -> str:
        raise ApplyFailed(f"image {request.reference}: {self.why}")

    async def bootstrap(self, request: BootstrapRequest) -> Bootstrapped:
        return Bootstrapped(missing=request.packages, output=self.why)

    async def gate(self, request: GateRequest) -> GateAnswer:
        return GateAnswer(healthy=False, reason=f"not healthy within {request.timeout_s:g} s ({self.why})")


@dataclass
class Desk:
    """Tools of a run."""

    ailing: Ailing
    cluster: str = "prod"
    lineage: str = "l1"
    fence: None = None

    def node(self, name: str) -> Node:
        return states.node("prod", 1)

    async def connection(self, name: str) -> Ailing:
        return self.ailing

    def rendered(self, node: str, component: str) -> None:
        return None


@pytest.mark.parametrize(
    ("deed", "why", "hint"),
    [
        (IMAGE, FULL, ROOM),
        (IMAGE, SILENT, RESTART),
        (IMAGE, "denied", ""),
        (BOOTSTRAP, FULL, ROOM),
        (BOOTSTRAP, "404", "install them by hand"),
        (GATE, SILENT, RESTART),
        (GATE, "web is starting", "dynia logs api --node web-1"),
    ],
)
def test_the_hint_is_for_what_stood_behind_it(deed: Action, why: str, hint: str) -> None:
    with pytest.raises(ApplyFailed) as caught:
        asyncio.run(deed.run(Desk(Ailing(why))))  # type: ignore[arg-type]
    assert caught.value.hint.startswith(hint) and bool(caught.value.hint) == bool(hint)


def test_a_file_system_is_named_if_it_is_full_or_somebody_says_that_one_is() -> None:
    var = Room(place="/var", free=900_000, size=20_000_000_000, files=7)
    root = Room(place="/", free=5_300_000_000, size=1_000_000_000_000)
    crowded = Room(place="/srv", free=5_000_000, size=9_000_000, files=0)
    assert out_of_room("exit 1", (root, var, crowded)) == (
        "/var: 900 kB free of 20 GB, files left: 7",
        "/srv: 5.0 MB free of 9.0 MB, no more files fit",
    )
    assert out_of_room(FULL, (root,)) == ("/: 5.3 GB free of 1.0 TB",)
    assert what_next("web-1", "check: exit 1") == ""
    assert "docker ps" in what_next("web-1", "activate: no end within 108 s")
