"""At most 200 calls in any minute, whatever the order they are asked in; back-off grows and is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dynia.providers.pace import Pace, Patience


@given(st.lists(st.floats(0, 20), min_size=1, max_size=900))
def test_no_minute_has_more_than_200_calls(pauses: list[float]) -> None:
    pace, now, granted = Pace(Patience()), 1000.0, []
    for pause in pauses:
        now += pause if pause > 15 else 0.0
        granted.append(now + pace.reserve(now))
    assert granted == sorted(granted)
    for at, one in enumerate(granted[200:]):
        assert one - granted[at] >= 59.999


def test_calls_that_are_rare_never_wait() -> None:
    pace = Pace(Patience())
    assert [pace.reserve(n * 0.31) for n in range(1000)] == [0.0] * 1000


@given(st.integers(1, 50))
def test_back_off_grows_with_jitter_to_its_cap(tried: int) -> None:
    patience = Patience()
    longest = min(patience.cap, patience.base * 2 ** (tried - 1))
    assert longest / 2 <= patience.back_off(tried) <= longest
