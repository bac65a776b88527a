"""Law 4 between the passes of one apply: what somebody mends after the approved look is not written over."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import Stale
from tests.fakes.cloud import Cloud, Engine, applied
from tests.plans import worlds

replace = msgspec.structs.replace
HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
HOT_FIX = "sha256:" + "f" * 64
THREE = worlds.cluster(3, (worlds.service(),))


def edit(cloud: Cloud, ordinal: int, path: str, digest: str) -> None:
    facts = cloud.nodes[ordinal]
    files = tuple(replace(f, digest=digest) if f.path == path else f for f in facts.files)
    assert files != facts.files
    cloud.nodes[ordinal] = replace(facts, files=files)


def test_a_file_that_was_mended_while_a_machine_was_made_stays_as_it_is() -> None:
    cloud, disk = applied(worlds.cluster(2, (worlds.service(),)))

    def tick(what: str) -> None:
        if what == "created 3":
            edit(cloud, 1, HAPROXY, HOT_FIX)

    cloud.tick = tick
    with pytest.raises(Stale, match=f"changed since plan: {HAPROXY} on "):
        Engine(cloud, disk, THREE).apply()
    assert HOT_FIX in {f.digest for f in cloud.nodes[1].files if f.path == HAPROXY}
    assert not [deed for deed in cloud.deeds if "push haproxy" in deed]


def test_it_is_put_right_by_the_apply_that_saw_it() -> None:
    cloud, disk = applied(worlds.cluster(2, (worlds.service(),)))
    edit(cloud, 1, HAPROXY, HOT_FIX)
    assert Engine(cloud, disk, THREE).apply().exit_code == 0
    assert HOT_FIX not in {f.digest for f in cloud.nodes[1].files}


def test_also_one_that_this_apply_itself_had_written() -> None:
    """The first pass pushes it, the second takes the other service away, the third would push it again."""
    two = worlds.cluster(1, (worlds.service(), worlds.service("web")))
    cloud, disk = applied(two)

    def tick(what: str) -> None:
        if what.endswith("removed service/web"):
            edit(cloud, 1, HAPROXY, HOT_FIX)

    cloud.tick = tick
    with pytest.raises(Stale, match=f"changed since plan: {HAPROXY} on "):
        Engine(cloud, disk, worlds.cluster(1, (worlds.service(),))).apply()
    assert HOT_FIX in {f.digest for f in cloud.nodes[1].files if f.path == HAPROXY}
