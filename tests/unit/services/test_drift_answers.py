"""An ignore as it stands in the file: one entry an item, and everything else keeps its bytes."""

from __future__ import annotations

import pytest

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.files.yaml_edit import edit
from dynia.services.drift_answers import ignore
from tests.unit.files.memory import loaded

FILE = """\
clusters:
  prod:
    provider: {kind: docker}   # the lab
    nodes: {count: 3}
    services: {}   # none yet
  staging: {provider: {kind: docker}, nodes: {count: 1}}
"""
HAPROXY, RECORD = "misty-owl:haproxy/haproxy.cfg", "dns api.example.com"


def spec(text: str, name: str) -> ClusterSpec:
    return next(one for one in loaded({"clusters.yaml": text}).clusters if one.name == name)


def ignoring(
    text: str, *items: str, cluster: str = "prod", day: str = "2026-12-03", why: str = "a test"
) -> str:
    return edit("clusters.yaml", text.encode(), ignore(spec(text, cluster), items, day, why)).decode()


@pytest.mark.parametrize("cluster", ["prod", "staging"])
def test_it_is_added_and_no_other_line_changes(cluster: str) -> None:
    after = ignoring(FILE, HAPROXY, cluster=cluster)
    other = {"prod": "staging", "staging": "prod"}[cluster]
    assert spec(after, other) == spec(FILE, other)
    (one,) = spec(after, cluster).ignored
    assert (one.item, one.until, one.because) == (HAPROXY, "2026-12-03", "a test")
    gone = set(FILE.splitlines()) - set(after.splitlines())
    assert len(gone) == (1 if cluster == "staging" else 0)


def test_another_one_stands_beside_it_and_the_same_one_gets_the_new_day() -> None:
    two = ignoring(ignoring(FILE, HAPROXY), RECORD, day="2026-12-24", why='its: "owner", moves')
    assert [(one.item, one.because) for one in spec(two, "prod").ignored] == [
        (HAPROXY, "a test"),
        (RECORD, 'its: "owner", moves'),
    ]
    again = spec(ignoring(two, HAPROXY, day="2026-12-31"), "prod").ignored
    assert {one.item: one.until for one in again} == {HAPROXY: "2026-12-31", RECORD: "2026-12-24"}


def test_a_day_is_text_for_every_reader_of_yaml() -> None:
    assert 'until: "2026-12-03"' in ignoring(FILE, HAPROXY)
