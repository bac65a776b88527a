"""Every wrong compose file costs nothing and says where it is wrong (law 12)."""

from __future__ import annotations

import pathlib

import pytest

from tests.bad_input.cases import Case, check, mistakes_of, write
from tests.bad_input.compose_cases import CASES, GOOD


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mistake_in_a_compose_file_is_found_at_its_place(
    case: Case, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(case, GOOD, tmp_path)


def test_the_project_that_the_cases_break_is_good(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Case("good", "", "", at=("", 0, 0)), GOOD, tmp_path)
    assert mistakes_of(tmp_path) == ()
