"""Variables of compose files: forms, sources, and ``.env`` files that read back exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces.files.dotenv import read_dotenv, write_dotenv
from dynia.interfaces.files.interpolation import CannotInterpolate, interpolate

SET = {"A": "one", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A", "one"), ("${A}", "one"), ("x${A}y", "xoney"), ("$A-$A", "one-one"), ("${EMPTY}", ""),
        ("${A:-d}", "one"), ("${EMPTY:-d}", "d"), ("${GONE:-d}", "d"),
        ("${A-d}", "one"), ("${EMPTY-d}", ""), ("${GONE-d}", "d"),
        ("${A:?why}", "one"), ("${A?why}", "one"), ("${EMPTY?why}", ""),
        ("${A:+o}", "o"), ("${EMPTY:+o}", ""), ("${GONE:+o}", ""),
        ("${A+o}", "o"), ("${EMPTY+o}", "o"), ("${GONE+o}", ""),
        ("$$A", "$A"), ("$$$A", "$one"), ("$", "$"), ("$1", "$1"), ("a$", "a$"),
        ("${GONE:-${A}}", "one"), ("${GONE:-${G2:-${A:+deep}}}", "deep"), ("${GONE:-}", ""), ("${GONE:-a:-b}", "a:-b"),
        ("${A:+${GONE:-x}}", "x"), ("${A:-${GONE}}", "one"), ("${GONE:-$$}", "$"),
    ],
)  # fmt: skip
def test_every_form_of_compose(text: str, filled: str) -> None:
    assert interpolate(text, SET) == filled


@pytest.mark.parametrize(
    ("text", "rule", "offset", "width"),
    [
        ("a $GONE b", "undefined-variable", 2, 5), ("a ${GONE}", "undefined-variable", 2, 7),
        ("${EMPTY:?why}", "undefined-variable", 0, 13), ("${GONE?}", "undefined-variable", 0, 8),
        ("${G:-${H}}", "undefined-variable", 5, 4), ("a ${A", "interpolation", 2, 2),
        ("${}", "interpolation", 0, 3), ("${1}", "interpolation", 0, 4), ("${A!x}", "interpolation", 0, 6),
        ("${G:-{}}", "interpolation", 5, 1), ("${A:-\n}", "interpolation", 0, 2),
    ],
)  # fmt: skip
def test_what_cannot_be_filled_in_says_where(text: str, rule: str, offset: int, width: int) -> None:
    with pytest.raises(CannotInterpolate) as caught:
        interpolate(text, SET)
    assert (caught.value.rule, caught.value.offset, caught.value.width) == (rule, offset, width)


def test_the_reason_of_a_required_variable_is_shown() -> None:
    with pytest.raises(CannotInterpolate, match="TAG is required: say which one"):
        interpolate("${TAG:?say which $A}", SET)


def test_endless_nesting_ends() -> None:
    with pytest.raises(CannotInterpolate, match="inside one another"):
        interpolate("${G:-" * 5000 + "}" * 5000, {})


_NAMES = st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
_VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)


@settings(deadline=None)
@given(values=st.dictionaries(_NAMES, _VALUES | st.text("$\"'\\{}#= \n\r\tnrt:-", max_size=20), max_size=5))
def test_a_written_env_file_reads_back_exactly(values: dict[str, str]) -> None:
    read = read_dotenv("f", write_dotenv(values), {}, strict=True)
    assert read.mistakes == ()
    assert read.values == values


@settings(deadline=None)
@given(values=st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=5))
def test_interpolation_of_a_written_env_file_gives_the_same_values(values: dict[str, str]) -> None:
    read = read_dotenv("f", write_dotenv(values), {}, strict=True).values
    assert [interpolate("${%s}" % name, read) for name in values] == list(values.values())  # noqa: UP031


@settings(deadline=None)
@given(text=st.text(alphabet="AB=$\"'\\{}# \n:x-", max_size=40), strict=st.booleans())
def test_any_env_file_gives_values_or_mistakes_with_places(text: str, strict: bool) -> None:
    read = read_dotenv("f", text.encode(), {}, strict=strict)
    lines = text.split("\n")
    for each in read.mistakes:
        assert 1 <= each.line <= len(lines)
        assert 1 <= each.column <= len(lines[each.line - 1]) + 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}), ("export A=1", {"A": "1"}), ("A = 1 # c", {"A": "1"}), ("A: 1", {"A": "1"}),
        ("# c\n\nA=", {"A": ""}), ("A='x $B'", {"A": "x $B"}), ('B=1\nA="x $B \\n y"', {"A": "x 1 \n y", "B": "1"}),
        ("A='two\nlines'\nB=1", {"A": "two\nlines", "B": "1"}), ("A=x#y", {"A": "x#y"}), ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=a$$b", {"A": "a$b"}), ("\ufeffA=1", {"A": "1"}),
    ],
)  # fmt: skip
def test_env_files_as_people_write_them(text: str, values: dict[str, str]) -> None:
    read = read_dotenv("f", text.encode(), {}, strict=True)
    assert (read.mistakes, read.values) == ((), values)


def test_no_message_about_an_env_file_shows_a_value() -> None:
    text = "GOOD=1\nPASSWORD=hunter2$quick\nTOKEN='hunter2\nOTHER=${hunter2!}\n"
    for strict in (True, False):
        shown = repr(read_dotenv("f", text.encode(), {}, strict=strict).mistakes)
        assert "TOKEN" in shown
        assert "hunter2" not in shown
        assert "quick" not in shown
