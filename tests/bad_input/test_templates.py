"""Every wrong template costs nothing and says where it is wrong (law 12)."""

from __future__ import annotations

import pathlib

import pytest

from dynia.interfaces.errors import BadInput
from dynia.interfaces.shape import Shape
from dynia.services.planning.mustache import compiled
from tests.bad_input.cases import Case, check, mistakes_of, write
from tests.bad_input.template_cases import CASES, GOOD


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mistake_in_a_template_is_found_at_its_place(
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


def test_the_table_is_as_wide_as_promised() -> None:
    assert len(CASES) >= 22
    assert len({case.rule for case in CASES}) >= 8


class Named(Shape):
    name: str
    others: tuple[str, ...] = ()


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x1b[31m", "a\x7f", "a\u2028b"])
def test_a_value_that_would_break_its_line_is_refused_where_it_is_used(value: str) -> None:
    template = compiled("templates/x", "one\n  is {{name}}{{#others}}{{.}}{{/others}}\n", Named)
    with pytest.raises(BadInput) as caught:
        template.render(Named(name=value))
    (mistake,) = caught.value.mistakes
    assert (mistake.rule, mistake.key) == ("control-character-in-value", "name")
    assert (mistake.file, mistake.line, mistake.column) == ("templates/x", 2, 6)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        compiled("templates/x", "{{one}}\n{{two}}\n", Named)
    assert [(m.line, m.key) for m in caught.value.mistakes] == [(1, "one"), (2, "two")]
    assert "did you mean" not in caught.value.mistakes[0].hint
