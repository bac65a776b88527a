"""A real file system that is really full under the state, wherever in an apply's life it fills up: people are told
which one and what to do, nothing is half there, and with room the next apply goes on.

What the engine makes of every single operation that is refused: `test_refused.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.events import Note
from dynia.state.disk import LocalDisk
from dynia.state.record import Envelope, checksum_of
from tests.fakes.cloud import Cloud, Engine
from tests.plans import worlds

SIZE, FILES, PAGE = 512 * 1024, 150, 4096
SPEC = worlds.cluster(1, (worlds.service(config="level = 1\n"),), entry=NoEntry())

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes={FILES}", "tmpfs", place], check=True
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path, left: int) -> None:
    """So many bytes more fit, and not one page more."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PAGE)):
            pass
    os.truncate(ballast, ballast.stat().st_size - left)


def use_up(place: Path, left: int) -> None:
    """So many files more fit, and not one more."""
    others = place / "ballast"
    others.mkdir()
    with contextlib.suppress(OSError):
        for number in range(FILES):
            (others / str(number)).touch()
    for number in range(left):
        (others / str(number)).unlink()


def empty(place: Path) -> None:
    ballast = place / "ballast"
    shutil.rmtree(ballast) if ballast.is_dir() else ballast.unlink()


def whole(home: Path) -> None:
    """No record and no snapshot is half there, and nothing else was left over."""
    for path in home.rglob("*.json"):
        if "journal" in path.parts:
            envelope = msgspec.json.decode(path.read_bytes(), type=Envelope)
            assert checksum_of(bytes(envelope.record)) == envelope.checksum, path
        else:
            msgspec.json.decode(path.read_bytes())
    assert not list(home.rglob("*.tmp"))


def lived(home: Path, cloud: Cloud) -> tuple[int, str, str]:
    """The exit code of an apply, what it said of failures or else noted, and its hints."""
    try:
        engine = Engine(cloud, LocalDisk(), SPEC, home=home)
        result = engine.apply()
    except DyniaError as error:
        return error.exit_code, error.message, error.hint
    notes = [event.text for event in engine.events if isinstance(event, Note)]
    messages = [failure.message for failure in result.failures] or notes
    return result.exit_code, "\n".join(messages), "\n".join(failure.hint for failure in result.failures)


@pytest.mark.parametrize(
    ("fills", "step", "told"),
    [
        (fill, PAGE, r"\d+(\.\d)? k?B free of 524 kB"),
        (use_up, 1, r"\d+ kB free of 524 kB, (no more files fit|files left: \d)"),
    ],
    ids=["no room", "no more files"],
)
def test_however_little_room_there_is_people_are_told_and_with_more_the_next_apply_goes_on(
    small: Path, fills: Callable[[Path, int], None], step: int, told: str
) -> None:
    """A little more each time, until it is enough."""
    ends: Counter[int] = Counter()
    while True:
        tries = ends.total()
        home, cloud = small / f"home-{tries}", Cloud()
        home.mkdir()
        fills(small, tries * step)
        code, messages, hints = lived(home, cloud)
        ends[code] += 1
        whole(home)
        empty(small)
        if code == 0 and not messages:
            break
        row = f"{tries}: exit {code}, {messages!r}"
        # A first step that could not be begun is a failed step too.
        assert code in ((0, 7) if cloud.deeds else (1, 7)), row
        assert re.search(rf"no space left on device \({home}/\S+\); {small}: {told}", messages), row
        assert code == 0 or "make room there and run this again" in hints, row
        again = Engine(cloud, LocalDisk(), SPEC, home=home)
        done = again.apply()
        assert (done.exit_code, done.failures, done.left) == (0, (), ()), row
        assert again.plan().empty and again.store.state.intents == (), row
        assert dict(cloud.made) == {1: 1}, f"{row}: a machine was lost or made twice"
        whole(home)
        shutil.rmtree(home)
    assert ends[1] and ends[7] > 10, ends
