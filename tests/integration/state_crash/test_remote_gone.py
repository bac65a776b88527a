"""A git remote that stops answering in the middle of an apply: the exit code, what people are told, and that another
clone goes on from what was recorded.

The engine is the real one, over a world in memory; git is the real git, and its remote a folder that goes away.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.errors import ApplyFailed, Locked, NotKept
from dynia.interfaces.events import Note, StepFailed
from tests.contract.state_world import GitWorld
from tests.fakes.cloud import Cloud, Engine, fresh_disk
from tests.plans import worlds

SPEC = worlds.cluster(1, (worlds.service(config="level = 1\n"),), entry=NoEntry())


@cache
def life() -> tuple[str, ...]:
    """Everything that the first apply of a cluster does to the world, in order."""
    cloud, found = Cloud(), list[str]()
    cloud.tick = found.append
    assert Engine(cloud, fresh_disk(), SPEC).apply().exit_code == 0
    return tuple(found)


def breaks_at(cloud: Cloud, remote: Path, place: int) -> None:
    """From this moment of its life on, nobody answers."""
    left = [place]

    def tick(what: str) -> None:
        if not left[0]:
            remote.rename(remote.with_suffix(".gone"))
        left[0] -= 1

    cloud.tick = tick


def again(shared: GitWorld, cloud: Cloud) -> None:
    """The remote is back, and somebody else applies: the same end, and nothing was made twice.

    The lock could not be taken out of git, so the next run takes it over, as after its term.
    """
    cloud.tick = lambda what: None
    shared.remote.with_suffix(".gone").rename(shared.remote)
    next_one = Engine(cloud, shared.disk(2), SPEC, home=shared.place(2))
    with pytest.raises(Locked):
        next_one.apply()
    with next_one.store.lock("prod", "unlock", past=next_one.store.tenant("prod").fencing):
        pass
    done = next_one.apply()
    assert (done.exit_code, done.failures, done.left, dict(cloud.made)) == (0, (), (), {1: 1})
    assert next_one.plan().empty and next_one.store.state.intents == ()


@pytest.fixture
def shared(tmp_path: Path) -> GitWorld:
    return GitWorld(tmp_path).begin()


@pytest.mark.parametrize("when", ["half created 1", "push"])
def test_in_the_middle_of_a_step_it_is_exit_7_and_the_step_that_ran_is_named(
    shared: GitWorld, when: str
) -> None:
    cloud = Cloud()
    breaks_at(cloud, shared.remote, next(n for n, what in enumerate(life()) if what.endswith(when)))
    one = Engine(cloud, shared.disk(1), SPEC, home=shared.place(1))
    result = one.apply()
    assert result.exit_code == 7
    [failure] = result.failures
    assert failure.message.startswith(
        f"{failure.step} · ran, and its end is not recorded: the state is kept in git, and git "
    )
    assert "recorded so far is safe" in failure.hint and "run this again" in failure.hint
    assert [e.message for e in one.events if isinstance(e, StepFailed)] == [failure.message]
    assert [e.text for e in one.events if isinstance(e, Note) and "state.json was not written anew" in e.text]
    deeds = list(cloud.deeds)
    again(shared, cloud)
    assert cloud.deeds[: len(deeds)] == deeds and cloud.deeds.count("create 1") == 1


def test_between_two_passes_the_next_step_is_said_not_to_have_begun(shared: GitWorld) -> None:
    cloud = Cloud()
    breaks_at(cloud, shared.remote, [n for n, what in enumerate(life()) if what == "list"][1])
    result = Engine(cloud, shared.disk(1), SPEC, home=shared.place(1)).apply()
    assert result.exit_code == 7 and result.done
    assert {f.message.split(" · ")[1].split(":")[0] for f in result.failures} == {"not begun"}
    again(shared, cloud)


def test_at_the_very_end_it_is_exit_7_too(shared: GitWorld) -> None:
    """All steps ran and are recorded; that the cluster is whole is not."""
    cloud = Cloud()
    breaks_at(cloud, shared.remote, [n for n, what in enumerate(life()) if what == "list"][-1])
    with pytest.raises(
        ApplyFailed, match=r"after \d+ steps: the state is kept in git, and git \S+: "
    ) as caught:
        Engine(cloud, shared.disk(1), SPEC, home=shared.place(1)).apply()
    assert "run this again" in caught.value.hint
    again(shared, cloud)


def test_before_the_first_step_it_is_exit_1(shared: GitWorld) -> None:
    cloud = Cloud()
    breaks_at(cloud, shared.remote, 0)
    with pytest.raises(NotKept, match="the state is kept in git") as caught:
        Engine(cloud, shared.disk(1), SPEC, home=shared.place(1)).apply()
    assert caught.value.exit_code == 1 and cloud.deeds == []
    again(shared, cloud)
