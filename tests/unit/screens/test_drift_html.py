"""The page of the drift report: foreign text never becomes markup, nothing is loaded, nothing is told by colour alone."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynia.commands.screens.drift_html import POLICY, drift_html
from dynia.commands.screens.status_view import StatusView
from dynia.services.planning.drift_answers import SEVERITIES
from dynia.services.planning.drift_report import DriftReport
from tests.unit.screens.drift_samples import reports

replace = msgspec.structs.replace
# Of these keys only a few words are possible.
WORDS = {"category", "severity", "kind", "sign"}
NASTY = (
    "<script>alert(1)</script>",
    '"><img/src=x/onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "</style></title></svg></pre><b>",
    "<!--",
    "]]>",
    "&lt;b&gt;&#60;",
    "https://example.com/x.css",
    "url(//example.com)",
    "\u202eexe\u2066",
    "\x1b[5m",
)


class Page(HTMLParser):
    """What a reader's browser makes of it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text, self.style, self._in = "", "", list[str]()
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._in.pop()

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._in[-1:] == ["style"] and self.tags[-1] == "style":
            self.style += data
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def unknown_decl(self, data: str) -> None:
        self.comments.append(data)


def spoken(value: object, more: str, key: str = "") -> object:
    """Every text of it with `more` at its end."""
    match value:
        case str():
            return value if key in WORDS else value + more
        case list() | tuple():
            return [spoken(one, more, key) for one in value]
        case dict():
            return {
                name if _field(name) else name + more: spoken(one, more, name) for name, one in value.items()
            }
        case _:
            return value


@cache
def _fields() -> frozenset[str]:
    found: set[str] = set()
    for kind in msgspec.inspect.multi_type_info([DriftReport, StatusView]):
        _collect(kind, found)
    return frozenset(found)


def _collect(kind: object, found: set[str]) -> None:
    if isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            found.add(field.name)
            _collect(field.type, found)
    for name in ("item_type", "value_type"):
        if (inner := getattr(kind, name, None)) is not None:
            _collect(inner, found)
    for inner in getattr(kind, "types", ()):
        _collect(inner, found)


def _field(name: str) -> bool:
    return name in _fields()


def hostile(more: str, name: str = "trouble") -> tuple[DriftReport, StatusView]:
    report, view = reports()[name]
    return (
        msgspec.convert(spoken(msgspec.to_builtins(report), more), DriftReport),
        msgspec.convert(spoken(msgspec.to_builtins(view), more), StatusView),
    )


def page(name: str = "trouble") -> Page:
    return Page(drift_html(*reports()[name]))


# What stays as it is on its way: no blanks, and nothing that a terminal would obey.
plain = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(plain | st.sampled_from(NASTY))
@example(NASTY[0])
@example(NASTY[1])
@example(NASTY[3])
def test_foreign_text_never_becomes_markup(more: str) -> None:
    """The page is the same, tag by tag, as with a word that could do no harm."""
    written, harmless = Page(drift_html(*hostile(more))), Page(drift_html(*hostile("x")))
    assert written.tags == harmless.tags
    assert [(t, n) for t, n, _ in written.attributes] == [(t, n) for t, n, _ in harmless.attributes]
    assert written.style == harmless.style and written.comments == []


@settings(max_examples=40, deadline=None)
@given(plain)
def test_foreign_text_is_there_as_it_is(more: str) -> None:
    report, view = hostile(more)
    text = Page(drift_html(report, view)).text
    finding = report.findings[0]
    told = [finding.what, finding.detail, finding.why, finding.remedy, *finding.commands]
    told += [one.reason for one in report.silent] + [one.detail for one in report.concerns]
    told += [view.split, view.services[0].name, *(node.name for node in view.nodes if not node.reason)]
    assert [one for one in told if one not in text] == []


@pytest.mark.parametrize("name", reports())
def test_the_page_loads_nothing_and_runs_nothing(name: str) -> None:
    found = page(name)
    assert ("meta", "content", POLICY) in found.attributes and POLICY.startswith("default-src 'none';")
    assert {"script", "link", "img", "iframe", "object", "embed", "a", "form", "base"} & set(
        found.tags
    ) == set()
    for place in (found.style, *(value for _, name, value in found.attributes if name != "content")):
        assert not re.search(r"https?:|//|url\(|@import|javascript:|expression\(", place)
    assert [name for _, name, _ in found.attributes if name.startswith("on") or name in ("href", "src")] == []
    assert {value for _, name, value in found.attributes if name == "style"} <= {
        value for _, name, value in found.attributes if re.fullmatch(r"(width:\d+%|max-width:\d+px)", value)
    }


def test_how_grave_something_is_stands_there_as_a_word() -> None:
    report, view = reports()["trouble"]
    for severity in SEVERITIES:
        one = replace(report, findings=(replace(report.findings[0], severity=severity),), concerns=())
        assert severity in Page(drift_html(one, view)).text


def test_tables_have_headers_for_each_row_and_column() -> None:
    found = page()
    headers = [value for tag, name, value in found.attributes if (tag, name) == ("th", "scope")]
    assert len(headers) == found.tags.count("th") and set(headers) == {"row", "col"}
    assert found.tags.count("tr") == headers.count("row") + found.tags.count("thead")


def test_the_picture_says_who_has_the_address_and_who_is_silent() -> None:
    report, view = reports()["trouble"]
    said = next(value for tag, name, value in page().attributes if (tag, name) == ("svg", "aria-label"))
    holder = next(node.name for node in view.nodes if node.holds_address)
    assert f"reserved IP {view.reserved_ip} on {holder}" in said
    assert f"no answer from {report.silent[0].node}" in said and "MASTER" in said


def test_two_hundred_nodes_fold() -> None:
    report, view = reports()["two-hundred"]
    text = drift_html(report, view)
    assert len(text) < 65_536
    found = Page(text)
    assert (
        len([1 for _, name, value in found.attributes if name == "class" and value.startswith("box")]) <= 26
    )
    assert found.tags.count("article") <= 4 and "190 nodes" in found.text
    assert all(one.node in found.text for one in (*report.findings, *report.silent))


def test_nothing_to_tell_is_told_as_that() -> None:
    found = page("nothing")
    assert "No drift: 3 nodes as applied" in found.text and "article" not in found.tags
    assert "The last reports" in found.text
