"""Whatever crosses a border is accepted or refused in words. A short run of every target; `make fuzz` is the long one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.catalogue import NAMES, target
from tests.fuzz.chance import Drawn
from tests.fuzz.target import Target


@pytest.fixture(scope="module", params=NAMES)
def border(request: pytest.FixtureRequest) -> Iterator[Target]:
    made = target(request.param)
    yield made
    made.close()


def test_the_corpus_and_what_grows_from_it_is_accepted_or_refused_in_words(border: Target) -> None:
    outcomes = Counter(border.judge(raw).outcome for raw in border.seeds)
    assert any(what.startswith("accepted") for what in outcomes), outcomes

    @settings(
        max_examples=border.examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.shrink),
    )
    @given(data=st.data())
    def grown(data: st.DataObject) -> None:
        outcomes[border.judge(border.made(Drawn(data))).outcome] += 1

    grown()
    accepted = sum(n for what, n in outcomes.items() if what.startswith("accepted"))
    # A bin that is empty would say that this target tests nothing.
    assert 0 < accepted < outcomes.total(), outcomes


@pytest.mark.parametrize("name", NAMES)
def test_good_inputs_are_accepted(name: str) -> None:
    made = target(name)
    try:
        # Of a vendor's calls some may not be answered twice with the same.
        assert any(made.judge(raw).accepted for raw in made.good()[:3])
    finally:
        made.close()
