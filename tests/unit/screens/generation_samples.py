"""Generations as a state lists them, for the screens about them."""

from __future__ import annotations

from dynia.services.rollback import Chosen
from dynia.state.generation import Generation, Rollback
from dynia.state.model import Cluster
from tests.unit.screens.samples import LONG, NOW

AT = int(NOW)


def _one(
    number: int, last: int, releases: dict[str, str], *, of: int = 0, by: str = "ci@runner-7"
) -> Generation:
    return Generation(
        number=number,
        last=last,
        digest=f"sha256:{number:064x}",
        at=AT - (50 - number) * 7200,
        by=by,
        commit="9d2e11a0c4b1" if of == 0 else "",
        of=of,
        releases=releases,
        images=("ghcr.io/acme/api@sha256:" + f"{number:064x}",),
    )


KEPT = (
    _one(36, 36, {"service/api": "a36", "caddy": "c36", "haproxy": "h36"}),
    _one(37, 40, {"service/api": "a37", "caddy": "c37", "haproxy": "h36"}),
    _one(
        41,
        41,
        {"service/api": "a41", "caddy": "c41", "haproxy": "h41", "keepalived": "k41", f"service/{LONG}": "x"},
    ),
    _one(
        42,
        42,
        {"service/api": "a37", "caddy": "c37", "haproxy": "h36"},
        of=37,
        by="somebody@a-laptop (" + "x" * 60 + ")",
    ),
)
NONE = Cluster(name="prod", provider="docker")
SOME = Cluster(name="prod", provider="docker", generation=42, generations=KEPT)
BEGUN = Cluster(
    name="prod", provider="docker", generation=42, generations=KEPT, rollback=Rollback(to=37, service="api")
)
HOMES = {"none": NONE, "some": SOME, "begun": BEGUN}
CHOSEN = {
    "all": Chosen(target=KEPT[1], newer=(KEPT[2],), rollback=Rollback(to=37)),
    "service": Chosen(target=KEPT[0], newer=(KEPT[2],), rollback=Rollback(to=36, service="api")),
}
