"""What people do by hand beside releases that fail and generations that come back: neither undoes the other."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, Rollout
from dynia.interfaces.errors import Refused
from dynia.interfaces.node_requests import WHOLE_NODE, GateAnswer, PushAnswer
from dynia.services.planning.by_hand import ByHand, NodeDrain, Promote, Restart
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy, names
from tests.unit.services.test_node_drained import away
from tests.unit.services.test_restarted import ids
from tests.unit.services.test_rollback import home, roll_back
from tests.unit.services.test_way_back import FAILS, contents, cuts_off, digest, sick_on, went_back

replace = msgspec.structs.replace
RESTART = Restart(service="api")


def spec(level: int, *, out: int = 2) -> ClusterSpec:
    services = (worlds.service(config=f"level = {level}\n"), worlds.service("web"))
    return worlds.cluster(3, services, rollout=Rollout(max_unavailable=out))


def begun(out: int = 2) -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(spec(1, out=out))
    haproxy(cloud)
    return cloud, disk


def by_hand(cloud: Cloud, disk: FakeDisk, wish: ByHand, level: int = 1) -> int:
    return Engine(cloud, disk, spec(level)).apply(wish).exit_code


def failed_and_one_is_lost() -> tuple[Cloud, FakeDisk, str]:
    """A release failed while a node that had it was cut off; now that one answers again."""
    cloud, disk = begun()
    lost = cuts_off(cloud, sick=3, cut=2)
    assert Engine(cloud, disk, spec(2, out=1)).apply().exit_code == 9
    cloud.cut.clear()
    cloud.lie = lambda what, node: None
    disk = survived(disk)
    assert [one.node for one in home(disk).kept_out] == [lost]
    return cloud, disk, lost


def test_a_restart_that_fails_is_no_release_that_failed() -> None:
    """Nothing new was brought: it stops there, be what runs newer than the last generation."""
    cloud, disk = begun()
    cloud.cut.add(names(cloud)[2])
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 4
    before, known = ids(cloud), home(disk)
    assert known.generations[-1].number == 1, "a node was silent, so it is none"
    cloud.lie = lambda what, node: FAILS if what == "gate" else None
    done = Engine(cloud, survived(disk), spec(2)).apply(RESTART)
    assert (done.exit_code, done.back) == (7, None)
    assert {n for n, one in ids(cloud).items() if one != before[n]} <= {f.node for f in done.failures}
    assert digest("level = 2\n") in contents(cloud)
    now = home(disk)
    assert (now.holds, now.rollback, now.generations) == ((), None, known.generations)


@pytest.mark.parametrize("verb", ["drain", "promote", "restart"])
def test_what_is_done_by_hand_leaves_holds_generations_and_a_way_back_that_was_begun(verb: str) -> None:
    cloud, disk, lost = failed_and_one_is_lost()
    known = home(disk)
    holder, other = names(cloud)[0], names(cloud)[2]
    wishes = {"drain": NodeDrain(node=lost), "promote": Promote(node=other)}
    cloud.deeds.clear()
    if verb == "restart":
        # The node that came back has something else than the file, and it says what to do.
        with pytest.raises(Refused, match=f"is to change, on {lost}"):
            by_hand(cloud, disk, RESTART)
    else:
        assert holder and by_hand(cloud, disk, wishes[verb]) == 0
    now = home(disk)
    assert (now.holds, now.kept_out, now.rollback) == (known.holds, known.kept_out, known.rollback)
    assert (now.generations, now.generation) == (known.generations, known.generation)
    assert known.rollback is not None and known.holds and known.kept_out


def test_a_node_that_may_run_what_failed_is_nobody_that_a_drain_counts_on() -> None:
    cloud, disk, _ = failed_and_one_is_lost()
    with pytest.raises(Refused, match="/drain would leave api on 1 of 3 nodes, and 2 must serve"):
        Engine(cloud, disk, spec(1, out=1)).apply(NodeDrain(node=names(cloud)[2]))
    assert away(cloud) == []


def test_a_node_that_may_run_what_failed_is_not_given_the_reserved_ip() -> None:
    """Its own HAProxy was not told to send nothing there."""
    cloud, disk, lost = failed_and_one_is_lost()
    with pytest.raises(Refused, match=f"{lost} may run a release of api that failed"):
        by_hand(cloud, disk, Promote(node=lost))
    assert Engine(cloud, disk, spec(1)).apply().exit_code == 0
    assert by_hand(cloud, survived(disk), Promote(node=lost)) == 0


def test_a_generation_comes_back_on_a_node_that_a_person_drained_and_it_stays_drained() -> None:
    cloud, disk = begun()
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 0
    name = names(cloud)[2]
    assert by_hand(cloud, disk, NodeDrain(node=name), level=2) == 0
    assert roll_back(cloud, survived(disk)).exit_code == 0
    assert (contents(cloud), away(cloud)) == ({digest("level = 1\n")}, [name])


def test_a_release_that_fails_goes_back_on_a_node_that_a_person_drained_and_it_stays_drained() -> None:
    cloud, disk = begun()
    name = names(cloud)[2]
    assert by_hand(cloud, disk, NodeDrain(node=name)) == 0
    sick_on(cloud, 2, 1)
    done = Engine(cloud, disk, spec(2)).apply()
    back = went_back(done)
    assert (done.exit_code, back.whole, len(back.nodes)) == (8, True, 3)
    assert (contents(cloud), away(cloud)) == ({digest("level = 1\n")}, [name])


def test_a_drain_that_is_in_the_way_of_going_back_is_told_and_nobody_goes_below() -> None:
    """A node has the new release and is good on it; where it failed is the only other one that serves."""
    cloud, disk = begun(out=1)
    sick_on(cloud, 2, 3)
    lie, changed = cloud.lie, names(cloud)[1]

    def meanwhile(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            cloud.nodes[1] = replace(cloud.nodes[1], drained=(WHOLE_NODE,))
        return answer

    cloud.lie = meanwhile
    done = Engine(cloud, disk, spec(2, out=1)).apply()
    back = went_back(done)
    assert done.exit_code == 9 and changed not in back.nodes
    (why,) = (reason for _, reason in back.left if "must serve" in reason)
    assert f"{changed}/service/api/push would leave api on 1 of 3 nodes, and 2 must serve" in why


def test_an_image_of_the_file_that_nobody_has_is_in_nobody_s_way() -> None:
    cloud, disk = begun()
    name, lacks = names(cloud)[2], spec(2)
    image = lacks.services[0].containers[0].image
    cloud.unknown.add(image)
    with pytest.raises(Refused, match="images that nobody has"):
        Engine(cloud, disk, lacks).plan()
    assert Engine(cloud, disk, lacks).apply(NodeDrain(node=name)).exit_code == 0
    assert Engine(cloud, disk, lacks).apply(NodeDrain(node=name, back=True)).exit_code == 0


def test_a_restart_of_what_was_rolled_back_says_how_the_file_follows() -> None:
    cloud, disk = begun()
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 0
    disk = survived(disk)
    assert roll_back(cloud, disk).exit_code == 0
    cloud.registry = True
    with pytest.raises(Refused, match="is to change") as told:
        by_hand(cloud, survived(disk), RESTART, level=2)
    assert "`dynia rollback --adopt`" in (told.value.hint or "")
    name = names(cloud)[2]
    engine = Engine(cloud, survived(disk), spec(2))
    engine.run.by_hand = NodeDrain(node=name)
    assert engine.plan().waiting == (), "a drain asks for nothing of the file"


def test_a_restart_of_what_failed_says_that_it_is_on_hold() -> None:
    cloud, disk = begun()
    sick_on(cloud, 2, 2)
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 8
    with pytest.raises(Refused, match="is to change") as told:
        by_hand(cloud, survived(disk), RESTART, level=2)
    assert "failed and is on hold" in (told.value.hint or "")
    assert by_hand(cloud, survived(disk), RESTART) == 0
