"""What a person changed between two passes of one apply: also a file whose content nobody may know (law 4)."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions import PushComponent
from dynia.services.actions.base import Recipe
from dynia.services.planning.plan import Step
from dynia.services.planning.since_approval import changed_since, touched_by
from tests.plans.cases import three

replace = msgspec.structs.replace
DOTENV = "/opt/dynia/services/api/.env"
FILE = ReleaseFile(path=DOTENV, mode=0o600, content=b"TOKEN=one\n", secret=True)
RECIPE = Recipe(release=Release(component="service/api", files=(FILE,)))


def push(release: str, *, digest: str = "", write: tuple[str, ...] = (DOTENV,)) -> Step:
    action = PushComponent(
        node="web-1",
        component="service/api",
        release=release,
        write=write,
        expected=(ExpectedFile(path=DOTENV, digest=digest, mode=0o600, owner="root:root"),),
    )
    return Step(id="web-1/service/api/push", action=action, why="because it changed", node="web-1")


@pytest.mark.parametrize(
    ("later", "told"),
    [
        pytest.param(push("r1", digest="hmac:other"), (("web-1", DOTENV),), id="wanted-again"),
        pytest.param(push("r2", digest="hmac:ours"), (), id="of-another-release"),
        pytest.param(push("r1", digest="hmac:ours", write=()), (), id="not-written"),
    ],
)
def test_a_secret_that_this_apply_wrote_is_not_written_again(
    later: Step, told: tuple[tuple[str, str], ...]
) -> None:
    """Whoever wants the same content there once more finds another one: somebody changed it meanwhile."""
    world = three()
    facts = next(f for f in world.observed.nodes.values() if isinstance(f, NodeFacts))
    touched = touched_by((push("r1"),), {"web-1": {"service/api": RECIPE}})
    assert changed_since((later,), {"web-1": facts}, touched) == told


@pytest.mark.parametrize(
    ("mode", "owner", "told"),
    [
        pytest.param(0o600, "root:root", (), id="as-left"),
        pytest.param(0o644, "root:root", (("web-1", DOTENV),), id="another-mode"),
        pytest.param(0o600, "app:app", (("web-1", DOTENV),), id="another-owner"),
    ],
)
def test_what_this_apply_wrote_is_as_it_left_it_with_mode_and_owner(
    mode: int, owner: str, told: tuple[tuple[str, str], ...]
) -> None:
    world = three()
    facts = next(f for f in world.observed.nodes.values() if isinstance(f, NodeFacts))
    touched = touched_by((push("r1"),), {"web-1": {"service/api": RECIPE}})
    expected = (ExpectedFile(path=DOTENV, digest="hmac:ours", mode=mode, owner=owner),)
    later = push("r2")
    later = replace(later, action=replace(later.action, expected=expected))
    assert changed_since((later,), {"web-1": facts}, touched) == told
