"""Every wrong clusters.yaml costs nothing and says where it is wrong (law 12)."""

from __future__ import annotations

import pathlib

import pytest

from tests.bad_input.cases import Case, check, mistakes_of, write
from tests.bad_input.desired_cases import CASES, GOOD


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mistake_in_the_desired_file_is_found_at_its_place(
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


def test_a_file_that_is_not_there_is_one_mistake(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [each.rule for each in mistakes_of(tmp_path)] == ["missing-file"]


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = GOOD["clusters.yaml"]
    for old, new in (
        ("{count: 3}", "{cuont: 3, count: 2}"),
        ("{max_unavailable: 1}", "{max_unavailable: 2, canary: on}"),
        ("api.example.com", "api_.example..com"),
        ("./compose.yaml", "./wrong.yaml"),
    ):
        text = text.replace(old, new)
    (tmp_path / "clusters.yaml").write_text(text)
    (tmp_path / "wrong.yaml").write_text("services:\n  web: {imge: a}\nnetwork: {}\n")
    found = mistakes_of(tmp_path)
    assert [(each.file, each.line, each.rule) for each in found] == [
        ("clusters.yaml", 5, "unknown-key"),
        ("clusters.yaml", 8, "max-unavailable"),
        ("clusters.yaml", 8, "bad-type"),
        ("clusters.yaml", 12, "target-unclear"),
        ("clusters.yaml", 14, "bad-domain"),
        ("wrong.yaml", 2, "image-missing"),
        ("wrong.yaml", 2, "unknown-key"),
        ("wrong.yaml", 3, "unknown-key"),
    ]
    assert "did you mean count?" in found[0].hint
