"""Mustache as templates of configs need it: nothing is escaped, and nothing is silently empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.shape import Shape
from dynia.services.planning.mustache import compiled
from dynia.services.planning.mustache_names import names_of
from dynia.services.planning.mustache_tokens import Text, tokenize


class Server(Shape):
    host: str
    port: int = 0


class Data(Shape):
    word: str = ""
    number: int = 0
    flag: bool = False
    words: tuple[str, ...] = ()
    servers: tuple[Server, ...] = ()
    pairs: dict[str, str] = {}
    one: Server = Server(host="first")


def rendered(text: str, **fields: object) -> str:
    return compiled("t", text, Data).render(Data(**fields))  # type: ignore[arg-type]


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20)


@given(PRINTABLE)
def test_a_value_is_printed_as_it_is_in_every_form_of_tag(word: str) -> None:
    assert rendered("{{word}}|{{{word}}}|{{&word}}|{{ word }}", word=word) == "|".join([word] * 4)


@given(st.lists(PRINTABLE.filter(bool), max_size=5))
def test_a_list_of_texts_is_repeated_in_order(words: list[str]) -> None:
    assert rendered("{{#words}}<{{.}}>{{/words}}", words=tuple(words)) == "".join(f"<{w}>" for w in words)


@given(st.dictionaries(PRINTABLE, PRINTABLE, max_size=5))
def test_an_object_is_given_as_entries_sorted_by_key(pairs: dict[str, str]) -> None:
    expected = "".join(f"{key}={pairs[key]};" for key in sorted(pairs))
    assert rendered("{{#pairs}}{{key}}={{value}};{{/pairs}}", pairs=pairs) == expected


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="{"), max_size=60))
def test_text_without_tags_comes_out_byte_for_byte(text: str) -> None:
    tokens, mistakes = tokenize(Text("t", text))
    if not mistakes:
        assert "".join(token.key for token in tokens) == text


def test_zero_and_empty_text_are_printed() -> None:
    assert rendered("[{{number}}|{{word}}]") == "[0|]"


def test_a_section_over_a_text_is_there_if_the_text_is() -> None:
    text = "{{#word}}has {{word}}{{/word}}{{^word}}none of {{number}}{{/word}}"
    assert rendered(text, word="it") == "has it"
    assert rendered(text) == "none of 0"


def test_a_flag_and_its_inverse() -> None:
    text = "{{#flag}}yes{{/flag}}{{^flag}}no{{/flag}}"
    assert (rendered(text, flag=True), rendered(text)) == ("yes", "no")


def test_an_inner_name_hides_the_outer_one_and_the_outer_ones_stay_reachable() -> None:
    text = "{{#servers}}{{host}}:{{port}} of {{word}} {{one.host}};{{/servers}}"
    servers = (Server(host="a", port=1), Server(host="b", port=2))
    assert rendered(text, servers=servers, word="w") == "a:1 of w first;b:2 of w first;"


def test_a_tag_that_is_alone_on_its_line_leaves_no_line_behind() -> None:
    text = "a\n  {{#flag}}\n  b\n  {{/flag}}\n{{! why }}\nc {{! beside }}\n{{#flag}}d{{/flag}}\n"
    assert rendered(text, flag=True) == "a\n  b\nc \nd\n"


def test_a_comment_may_go_over_lines() -> None:
    assert rendered("a{{! one\n two }}b") == "ab"


def test_braces_that_are_no_tags_stay() -> None:
    assert rendered("{ a } }} ${X} {{word}}}", word="w") == "{ a } }} ${X} w}"


def test_a_field_that_python_values_have_as_a_method_cannot_be_data() -> None:
    class Wrong(Shape):
        count: int = 0

    with pytest.raises(ValueError, match="count"):
        names_of(Wrong)
