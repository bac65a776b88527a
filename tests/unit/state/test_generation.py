"""Which generation a rollback means, and which ones are kept."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.state.generation import Generation, Rollback, added, find, last_good


def kept(*numbers: int, of: Mapping[int, int] | None = None) -> tuple[Generation, ...]:
    """Generations with a release of their own each."""
    return tuple(
        Generation(
            number=n,
            last=n,
            digest=f"sha256:{n}",
            at=n,
            by="somebody",
            of=(of or {}).get(n, 0),
            releases={"service/api": f"api-{(of or {}).get(n, n)}", "haproxy": "h"},
        )
        for n in numbers
    )


def on(*releases: str) -> list[dict[str, str]]:
    return [
        {"service/api": release, "haproxy": "h", "node": f"own-{n}"} for n, release in enumerate(releases)
    ]


def number(found: Generation | None) -> int:
    return found.number if found else 0


def test_where_all_is_well_it_is_the_one_before() -> None:
    assert number(last_good(kept(39, 40, 41), on("api-41", "api-41"), None)) == 40
    assert number(last_good(kept(1), on("api-1"), None)) == 0
    assert number(last_good((), [], None)) == 0


def test_where_an_apply_stopped_part_way_it_is_the_newest() -> None:
    assert number(last_good(kept(40, 41), on("api-41", "broken"), None)) == 41
    assert number(last_good(kept(40, 41), on("api-41", "api-41"), None, cut=True)) == 41


@pytest.mark.parametrize("node", [{"haproxy": "h"}, {"service/api": "api-41", "service/new": "n"}])
def test_a_service_that_came_or_went_on_a_node_is_such_a_stop(node: dict[str, str]) -> None:
    assert number(last_good(kept(40, 41), [*on("api-41"), node], None)) == 41


def test_a_node_that_has_nothing_yet_and_what_is_its_own_tell_nothing() -> None:
    assert number(last_good(kept(40, 41), [*on("api-41"), {}], None)) == 40


def test_going_back_twice_goes_back_twice() -> None:
    back_once = kept(39, 40, 41, 42, of={42: 40})
    assert number(last_good(back_once, on("api-40"), None)) == 39
    back_twice = kept(39, 40, 41, 42, 43, of={42: 40, 43: 39})
    assert number(last_good(back_twice, on("api-39"), None)) == 0


def test_one_that_was_begun_goes_on_whatever_nodes_are_on() -> None:
    assert number(last_good(kept(39, 40, 41), on("api-39", "api-41"), Rollback(to=39))) == 39


def test_a_number_on_a_screen_is_any_apply_that_left_it_as_it_was() -> None:
    (one,) = kept(40)
    lasting = (replace(one, last=43),)
    assert [number(find(lasting, n)) for n in (39, 40, 43, 44)] == [0, 40, 40, 0]


def test_an_apply_that_changed_nothing_of_it_makes_no_new_one() -> None:
    have = kept(40, 41)
    again = replace(have[1], number=42, last=42)
    lasting = added(have, again, 5, secrets=False)
    assert [(one.number, one.last) for one in lasting] == [(40, 40), (41, 42)]
    assert len(added(have, again, 5, secrets=True)) == 3
    assert len(added(have, replace(again, of=40), 5, secrets=False)) == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30), st.integers(1, 5))
def test_whatever_is_applied_at_most_so_many_are_kept_and_numbers_grow(
    applies: list[tuple[int, bool]], keep: int
) -> None:
    have: tuple[Generation, ...] = ()
    for n, (content, secrets) in enumerate(applies, start=1):
        new = Generation(number=n, last=n, digest=f"sha256:{content}", at=n, by="x")
        have = added(have, new, keep, secrets=secrets)
        assert len(have) <= keep and have[-1].last == n and have[-1].digest == new.digest
        edges = [edge for one in have for edge in (one.number, one.last)]
        assert edges == sorted(edges)
