"""The judge of all inputs can say no: to a stray exception, to bytes that a terminal obeys, to what does not end."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from dynia.interfaces.errors import BadInput, DyniaError, Mistake
from tests.fuzz.chance import Seeded
from tests.fuzz.oracle import Broken, Hung, bounded, harmless, refused
from tests.fuzz.rendered import inside
from tests.fuzz.smaller import smaller
from tests.fuzz.target import Target


class Planted(Target):
    """Falls over one word, shows another one raw, and refuses the rest of what begins with no."""

    name = "planted"

    def good(self) -> list[bytes]:
        return [b'{"a": ["good", 1]}']

    def attempt(self, raw: bytes) -> Iterable[str]:
        if b"no" in raw[:2]:
            raise DyniaError("no")
        if b"null" in raw:
            raise KeyError("null")
        return (raw.decode("latin-1"),)


def test_an_exception_that_is_none_of_dynias_own_gets_out() -> None:
    with pytest.raises(KeyError):
        Planted().judge(b"null")
    assert Planted().judge(b"no").outcome == "refused: DyniaError"
    assert Planted().judge(b"good").accepted


@pytest.mark.parametrize(
    "sign", ["\x1b[31m", "\x9b2J", "\r", "\t", "\u202e", "\u2066", "\u200f", "\u2028", "\ud800", "\x7f"]
)
def test_what_a_terminal_would_obey_is_seen(sign: str) -> None:
    with pytest.raises(Broken):
        harmless((f"a{sign}b",), "a screen")
    harmless(("a\nb ü 日本",), "a screen")


def test_what_does_not_end_is_stopped() -> None:
    with pytest.raises(Hung), bounded(0.05):
        for _ in itertools.count():
            pass


def test_a_mistake_without_a_place_is_none() -> None:
    with pytest.raises(Broken):
        refused(BadInput((Mistake(file="x", line=0, column=1, key="", message="m", rule="r"),)))


@pytest.mark.parametrize(
    "path", ["/opt/dynia/../x", "/etc/passwd", "/opt/dynia/a\nb", "/opt/dynia//a", "/opt/dynia/\u202e"]
)
def test_a_file_outside_of_its_folder_is_seen(path: str) -> None:
    with pytest.raises(Broken):
        inside(path, "/opt/dynia/")
    inside("/opt/dynia/a b", "/opt/dynia/")


def test_mutations_find_what_is_planted_and_make_it_small() -> None:
    planted, chance = Planted(), Seeded(1)
    for _ in range(5000):
        raw = planted.made(chance)
        try:
            planted.judge(raw)
        except KeyError:
            break
        except Broken:
            continue
    else:
        raise AssertionError("not found in 5,000 inputs")
    assert smaller(raw, lambda one: b"null" in one) == b"null"


def test_the_same_seed_makes_the_same_inputs() -> None:
    made = [[Planted().made(chance) for _ in range(50)] for chance in (Seeded(7), Seeded(7), Seeded(8))]
    assert made[0] == made[1] != made[2]
