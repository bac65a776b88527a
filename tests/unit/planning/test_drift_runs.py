"""What drift reports remember: since when, for how many runs on end, and what webhooks are told, each once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dynia.services.planning.drift_runs import (
    MOST_RUNS,
    Alert,
    Found,
    Run,
    alert_of,
    alerted,
    next_run,
    read_runs,
    sightings,
    write_runs,
)

NODES = ("a", "b", "")


def found(*names: str) -> tuple[Found, ...]:
    """``a:x`` is of node a."""
    return tuple(
        Found(item=name, category="tampered", node=name.partition(":")[0] if ":" in name else "")
        for name in names
    )


def day(number: int, *names: str, silent: tuple[str, ...] = (), code: int | None = None) -> Run:
    ends = (4 if silent else 3 if names else 0) if code is None else code
    return Run(cluster="prod", at=number, code=ends, items=found(*names), silent=silent)


DAYS = st.lists(
    st.tuples(st.sets(st.sampled_from(["a:x", "b:x", "dns A c"])), st.sets(st.sampled_from(["a", "b"]))),
    max_size=8,
).map(
    lambda drawn: tuple(
        day(n, *sorted(i for i in items if i[0] not in silent), silent=tuple(sorted(silent)))
        for n, (items, silent) in enumerate(drawn, 1)
    )
)


@given(DAYS)
def test_it_counts_the_runs_on_end_in_which_it_was_seen(runs: tuple[Run, ...]) -> None:
    told = sightings(runs)
    assert set(told) == ({one.item for one in runs[-1].items} if runs else set())
    for name, seen in told.items():
        node = name.partition(":")[0] if ":" in name else ""
        those: list[Run] = []
        for run in reversed(runs):
            if name in {one.item for one in run.items}:
                those.append(run)
            elif node not in run.silent:
                break
        assert (seen.first, seen.runs) == (those[-1].at, len(those))


def test_a_run_in_which_its_node_was_silent_says_nothing_about_it() -> None:
    runs = (day(1, "a:x"), day(2, silent=("a",)), day(3, "a:x"))
    assert (sightings(runs)["a:x"].first, sightings(runs)["a:x"].runs) == (1, 2)
    runs = (day(1, "a:x"), day(2), day(3, "a:x"))
    assert sightings(runs)["a:x"].first == 3


@given(DAYS)
def test_what_is_written_is_read_again_whatever_was_appended(runs: tuple[Run, ...]) -> None:
    assert read_runs(write_runs(runs)) == (runs, 0)
    torn = write_runs(runs) + b'{"cluster":"prod","at":1'
    assert read_runs(torn) == (runs, 1)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_runs_are_counted_and_nothing_more(text: bytes) -> None:
    runs, bad = read_runs(text)
    assert len(runs) + bad == len(text.splitlines())


def test_it_remembers_a_bounded_number_of_runs() -> None:
    runs = tuple(day(number) for number in range(200))
    assert read_runs(write_runs(runs))[0] == runs[-MOST_RUNS:]


def test_whatever_a_node_calls_its_things_what_is_written_is_read_again() -> None:
    long = found(*(f"a:{'x' * 4000}{number}" for number in range(2500)), "a:" + "x" * 100_000)
    days = [next_run((), "prod", number, 3, long, ()) for number in range(9)]
    text = write_runs(days)
    assert len(text) <= 32 * 2**20
    runs, bad = read_runs(text)
    assert (bad, runs) == (0, tuple(days[-len(runs) :])) and 1 <= len(runs) < 9


def play(
    days: list[tuple[tuple[str, ...], tuple[str, ...]]], after: int, *, heard: bool = True
) -> list[object]:
    """What webhooks are told on each day."""
    runs: tuple[Run, ...] = ()
    said: list[object] = []
    for number, (names, silent) in enumerate(days, 1):
        code = 4 if silent else 3 if names else 0
        now = next_run(runs, "prod", number, code, found(*names), silent)
        alert = alert_of(runs, now, after)
        said.append(alert and (alert.state, *(name for name, _ in alert.items)))
        if alert and heard:
            now = alerted(now, alert)
        runs = (*runs, now)
    return said


X, XY, NONE = (("a:x",), ()), (("a:x", "b:y"), ()), ((), ())


def test_it_is_told_once_when_it_stays_and_once_when_all_is_well() -> None:
    assert play([X, X, X, X, NONE, NONE], 3) == [None, None, ("drifting", "a:x"), None, ("well",), None]


def test_what_comes_later_is_told_alone() -> None:
    assert play([X, X, XY, XY], 2) == [None, ("drifting", "a:x"), None, ("drifting", "b:y")]


def test_what_goes_before_that_is_never_told() -> None:
    assert play([X, NONE, X, NONE], 2) == [None] * 4


def test_what_comes_back_is_told_again_though_all_was_never_well() -> None:
    only_y = (("b:y",), ())
    assert play([X, X, only_y, X, X], 2)[-1] == ("drifting", "a:x")


def test_while_a_node_is_silent_nothing_is_well_and_nothing_told_twice() -> None:
    silent = ((), ("a",))
    assert play([X, X, silent, X, silent, NONE], 2) == [
        None,
        ("drifting", "a:x"),
        None,
        None,
        None,
        ("well",),
    ]


def test_what_nobody_heard_is_told_by_the_next_run() -> None:
    assert play([X, X, X], 2, heard=False) == [None, ("drifting", "a:x"), ("drifting", "a:x")]


def test_an_alert_says_in_how_many_runs() -> None:
    before = (day(1, "a:x"), day(2, "a:x"))
    now = next_run(before, "prod", 3, 3, found("a:x"), ())
    assert alert_of(before, now, 2) == Alert(state="drifting", items=(("a:x", 3),))
