"""The simulated node is the real one: asked the same, it answers the same and is left the same, cut at any line."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from pprint import pformat

import pytest
from hypothesis import Phase, given, settings
from msgspec.structs import replace

from dynia.interfaces.node_requests import ExpectedFile, Fence, PushAnswer, PushRequest
from tests.integration.node_scripts.asked import DROP_IN, MAIN, VAR, Asked, Before
from tests.integration.node_scripts.bad_days import FOLDERS, LATEST, NAMES, Deed, Edit, days
from tests.integration.node_scripts.both import Real, Simulated, Told
from tests.integration.node_scripts.cuts import cuttable, places_between
from tests.integration.node_scripts.machine import LINEAGE
from tests.simulation.machine import File, Kept, Transaction
from tests.simulation.world import World

Day = tuple[Before, list[Deed | Edit], Deed]
QUICK, MORE = 20, 400
LATER = Fence(lineage=LINEAGE, cluster="prod", number=10)


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
        looked, could = real.look(LATER), simulated.look(LATER)
        assert looked in could, f"the real node: {pformat(looked)}\nthe simulated one: {pformat(could)}"


@given(day=days)
@settings(max_examples=QUICK)
def test_the_simulated_node_does_what_the_real_one_does(world: World, day: Day) -> None:
    play(world, day)


@pytest.mark.slow
@given(day=days)
@settings(max_examples=MORE)
def test_the_same_with_many_more_days(world: World, day: Day) -> None:
    play(world, day)


FULL = Before(
    files=((MAIN["haproxy"], b"good 1\n", 0o640), (NAMES["haproxy"][2], b"old page\n", 0o644)), lineage=None
)
WHOLE = {
    "a push that fails": Asked(
        "push",
        files=((MAIN["haproxy"], b"good 2\n", 0o600), (NAMES["haproxy"][1], b"new map\n", 0o644)),
        delete=(NAMES["haproxy"][2],),
        activate="copy",
        probe="false",
        fence=LATEST,
    ),
    "a push that is done": Asked("push", files=((MAIN["haproxy"], b"good 2\n", 0o600),), activate="copy"),
    "a removal of everything": Asked(
        "remove", delete=(FOLDERS["haproxy"][0], DROP_IN, VAR), activate="rest", everything=True
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_the_simulated_node_can_be_cut_where_the_real_one_can_and_nowhere_else(
    world: World, tmp_path: Path, name: str
) -> None:
    asked, met = WHOLE[name], []
    late = places_between(asked.verb, "keep", "commit")[0]
    for place, times in itertools.product(range(cuttable(asked.verb)[1]), (1, 2, 3)):
        if times == 1 or place >= late:
            real = Real(tmp_path / f"{place}-{times}", FULL)
            met.append(real.ask(asked, {}, {}, (place, times)))
    cut = next(seen for seen in met if seen.answer is None)
    simulated = Simulated(world)
    simulated.begin(FULL)
    could = simulated.ask(asked, {}, {}, cut)
    assert [seen for seen in could if seen not in met] == []
    assert [seen for seen in met if seen.answer is None and seen not in could] == []


# That it can fail: simulated nodes with a bug planted in them.


class NotFenced(Told):
    """The number of a lease is not compared."""

    async def push(self, request: PushRequest) -> PushAnswer:
        return await super().push(replace(request, fence=None))


class PutBackAs0644(Told):
    """A node that is put back forgets how its files might be read."""

    def to_put_back(self, kept: Transaction) -> list[Kept]:
        return [
            dataclasses.replace(k, there={n: File(f.content) for n, f in k.there.items()})
            for k in super().to_put_back(kept)
        ]


class AbsentNotCompared(Told):
    """What was not there when it was planned may be there by now."""

    def differing(self, expected: tuple[ExpectedFile, ...]) -> tuple[str, ...]:
        return super().differing(tuple(one for one in expected if one.digest))


class UnseenNotCompared(Told):
    """A removal takes what came since it was planned."""

    def unseen(self, expected: tuple[ExpectedFile, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
        return ()


class CommitsHalf(Told):
    """A push that goes on keeps nothing of its own."""

    async def _keep(self, puts: Mapping[str, File | None], script: str, data: tuple[str, ...] = ()) -> None:
        going_on = self.component in self.node.transactions
        await super()._keep({} if going_on else puts, script, data)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [NotFenced, PutBackAs0644, AbsentNotCompared, UnseenNotCompared, CommitsHalf])
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
