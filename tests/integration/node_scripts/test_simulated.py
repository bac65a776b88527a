"""The simulated node is the real one: asked the same, it answers the same and is left the same, cut at any line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from pprint import pformat

import pytest
from hypothesis import Phase, given, settings
from msgspec.structs import replace

from dynia.interfaces.node_requests import ExpectedFile, PushAnswer, PushRequest
from tests.integration.node_scripts.asked import Before
from tests.integration.node_scripts.bad_days import Deed, Edit, days
from tests.integration.node_scripts.both import Real, Simulated, Told
from tests.simulation.machine import File, Kept, Transaction
from tests.simulation.world import World

Day = tuple[Before, list[Deed | Edit], Deed]
QUICK, MORE = 20, 400


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World("twins")
    yield made
    made.loop.dispose()


def play(world: World, day: Day, script: type[Told] = Told) -> None:
    """Fails where the real node does what the simulated one can not have done."""
    before, deeds, honest = day
    with tempfile.TemporaryDirectory() as folder:
        real, simulated = Real(Path(folder) / "machine", before), Simulated(world, script=script)
        simulated.begin(before)
        now = then = real.seen().files
        for deed in (*deeds, honest):
            if isinstance(deed, Edit):
                real.edit(deed.name, deed.content, deed.mode)
                simulated.edit(deed.name, deed.content, deed.mode)
                now, then = real.seen().files, now
                continue
            seen = real.ask(deed.asked, now, then, deed.cut)
            could = simulated.ask(deed.asked, now, then, seen)
            assert simulated.possible, (
                f"asked {pformat(deed)}\nthe real node: {pformat(seen)}\nthe simulated one: {pformat(could)}"
            )
            now, then = seen.files, now


@given(day=days)
@settings(max_examples=QUICK)
def test_the_simulated_node_does_what_the_real_one_does(world: World, day: Day) -> None:
    play(world, day)


@pytest.mark.slow
@given(day=days)
@settings(max_examples=MORE)
def test_the_same_with_many_more_days(world: World, day: Day) -> None:
    play(world, day)


# That it can fail: simulated nodes with a bug planted in them.


class NotFenced(Told):
    """The number of a lease is not compared."""

    async def push(self, request: PushRequest) -> PushAnswer:
        return await super().push(replace(request, fence=None))


class PutBackAs0644(Told):
    """A node that is put back forgets how its files might be read."""

    def to_put_back(self, kept: Transaction) -> list[Kept]:
        return [(p, {n: File(f.content) for n, f in there.items()}) for p, there in super().to_put_back(kept)]


class AbsentNotCompared(Told):
    """What was not there when it was planned may be there by now."""

    def differing(self, expected: Iterable[ExpectedFile]) -> tuple[str, ...]:
        return super().differing(one for one in expected if one.digest)


class CommitsHalf(Told):
    """A push that goes on keeps nothing of its own."""

    async def _keep(self, paths: Iterable[str], script: str) -> None:
        going_on = self.component in self.node.transactions
        await super()._keep(() if going_on else paths, script)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [NotFenced, PutBackAs0644, AbsentNotCompared, CommitsHalf])
def test_a_simulated_node_with_a_bug_is_told_from_the_real_one(world: World, bug: type[Told]) -> None:
    met = 0

    @given(day=days)
    @settings(max_examples=MORE, derandomize=True, database=None, phases=[Phase.generate])
    def told_apart(day: Day) -> None:
        nonlocal met
        met += 1
        play(world, day, bug)

    with pytest.raises(AssertionError, match="the real node"):
        told_apart()
    assert met < MORE
