"""What the team wants around an apply, on real nodes: it may say no before the first step, and hears the end."""

from __future__ import annotations

import json

import pytest

from tests.e2e.look import look, touched
from tests.e2e.pair import check_settled, paint, write_pair
from tests.e2e.scratch import Scratch

pytestmark = [pytest.mark.lab, pytest.mark.slow]


def test_it_says_no_before_anything_is_touched_and_hears_how_it_ended(pair: Scratch) -> None:
    hooks = "    hooks: {pre_apply: 'test ! -e freeze', post_apply: cat >applied.json, on_failure: touch failed}\n"
    write_pair(pair)
    pair.edit("clusters.yaml", "    services:\n", f"{hooks}    services:\n")
    pair.apply()
    before = look(pair)
    paint(pair, "green")
    pair.write("freeze", "")
    refused = pair.apply(exits=1)
    assert "hooks.pre_apply said no (exit 1)" in refused.stderr
    assert touched(before, look(pair)) == set()
    (pair.folder / "freeze").unlink()
    pair.apply()
    end = json.loads((pair.folder / "applied.json").read_text())["end"]
    assert (end["result"], end["exitCode"]) == ("done", 0)
    assert not (pair.folder / "failed").exists()
    write_pair(pair)
    pair.apply()
    check_settled(pair)
