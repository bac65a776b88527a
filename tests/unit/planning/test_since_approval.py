"""What a person changed between two passes of one apply: also a file whose content nobody may know (law 4)."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import NodeFacts
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions import PushComponent, RemoveComponent
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


@pytest.mark.parametrize("mode", [0o777, 0])
def test_a_link_that_came_since_the_approved_look_is_not_deleted(mode: int) -> None:
    """It has no digest: that alone does not mean that nothing is there."""
    facts = next(f for f in three().observed.nodes.values() if isinstance(f, NodeFacts))
    home = "/opt/dynia/services/old"
    expected = ExpectedFile(path=f"{home}/notes", digest="", mode=mode, owner="root:root" if mode else "")
    action = RemoveComponent(node="web-1", component="service/old", paths=(home,), expected=(expected,))
    step = Step(id="web-1/service/old/remove", action=action, why="because it left", node="web-1")
    assert changed_since((step,), {"web-1": facts}, {}) == ((("web-1", f"{home}/notes"),) if mode else ())
