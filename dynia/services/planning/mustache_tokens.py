"""The text of a template as tokens that know where they stand; everything that is wrong with its tags.

Tags: ``{{name}}`` (also ``{{{name}}}`` and ``{{&name}}``, all the same: nothing is ever escaped),
``{{.}}``, ``{{#name}}..{{/name}}``, ``{{^name}}..{{/name}}``, ``{{! comment }}``. A section, end or comment
that is alone on its line takes the line with it.
"""

from __future__ import annotations

import re
from typing import Literal

from dynia.interfaces.errors import Mistake
from dynia.interfaces.shape import Shape

Tag = Literal["literal", "variable", "section", "inverted section", "end"]
_KINDS: dict[str, Tag] = {"#": "section", "^": "inverted section", "/": "end", "&": "variable"}
# More are not looked for: a screen shows fewer.
MOST_MISTAKES = 100
_NAME = re.compile(r"\.|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff]")


class Token(Shape):
    """A piece of literal text (`key`) or a tag with its name (`key`), and its place."""

    tag: Tag
    key: str
    line: int = 0
    column: int = 0
    width: int = 1


class Text:
    """The template's path for people and its text; makes mistakes out of offsets."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.lines = text.split("\n")

    def spot(self, at: int) -> tuple[int, int]:
        return self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)

    def wrong(self, at: int, width: int, rule: str, key: str, message: str, hint: str = "") -> Mistake:
        line, column = self.spot(at)
        return self.wrong_at(line, column, width, rule, key, message, hint)

    def wrong_at(
        self, line: int, column: int, width: int, rule: str, key: str, message: str, hint: str = ""
    ) -> Mistake:
        return Mistake(
            file=self.name,
            line=line,
            column=column,
            key=key,
            message=message,
            text=self.lines[line - 1] if line <= len(self.lines) else "",
            width=width,
            hint=hint,
            rule=rule,
        )


def tokenize(text: Text) -> tuple[tuple[Token, ...], tuple[Mistake, ...]]:
    """Tokens in order, and the mistakes in tags. Without a mistake the sections are balanced."""
    tokens: list[Token] = []
    found: list[Mistake] = []
    source, at = text.text, 0
    bad = _FORBIDDEN.search(source)
    if bad:
        message, hint = f"control character {bad.group()!r} in a template", "save it as plain text with LF"
        found.append(text.wrong(bad.start(), 1, "control-character", "", message, hint))
    while (begin := source.find("{{", at)) >= 0 and len(found) < MOST_MISTAKES:
        triple = source.startswith("{{{", begin)
        close = "}}}" if triple else "}}"
        end = source.find(close, begin + len(close))
        if end < 0 or (source[begin + 2 : begin + 3] != "!" and "\n" in source[begin:end]):
            message = f"this tag is never closed with {close}"
            found.append(text.wrong(begin, len(close), "unclosed-tag", _word(source, begin), message))
            _literal(tokens, source[at : begin + 2])
            at = begin + 2
            continue
        after = end + len(close)
        inside = source[begin + len(close) : end]
        sign = "" if triple else inside[:1]
        key = inside.strip() if triple or sign not in "#^/&!>=" or not sign else inside[1:].strip()
        alone = not triple and sign in ("#", "^", "/", "!") and sign != "" and _alone(source, begin, after)
        start = source.rfind("\n", 0, begin) + 1 if alone else begin
        _literal(tokens, source[at:start])
        at = after
        if alone:
            newline = source.find("\n", after)
            at = len(source) if newline < 0 else newline + 1
        if sign == "!" and not triple:
            continue
        width = after - begin
        mistake = _bad_tag(text, begin, width, sign, key)
        if mistake:
            found.append(mistake)
            continue
        line, column = text.spot(begin)
        tag = _KINDS.get(sign, "variable")
        tokens.append(Token(tag=tag, key=key, line=line, column=column, width=width))
    _literal(tokens, source[at:])
    return tuple(tokens), (*found, *_sections(text, tokens))


def _literal(tokens: list[Token], text: str) -> None:
    if text:
        tokens.append(Token(tag="literal", key=text))


def _alone(source: str, begin: int, after: int) -> bool:
    left = source[source.rfind("\n", 0, begin) + 1 : begin]
    newline = source.find("\n", after)
    right = source[after : newline if newline >= 0 else len(source)]
    return not left.strip(" \t") and not right.strip(" \t")


def _word(source: str, begin: int) -> str:
    found = _NAME.search(source, begin + 2, begin + 80)
    return found.group() if found else ""


def _bad_tag(text: Text, at: int, width: int, sign: str, key: str) -> Mistake | None:
    if sign == ">":
        hint = "write its text here; a template stands alone"
        return text.wrong(at, width, "partial", key, "partials are not supported", hint)
    if sign == "=":
        return text.wrong(at, width, "delimiters", key.strip("= "), "the delimiters cannot be changed")
    if not key:
        return text.wrong(at, width, "empty-tag", "", "this tag names nothing")
    if not _NAME.fullmatch(key):
        return text.wrong(
            at, width, "bad-name", key, f"{key!r} is not a name", "a name is like servers or a.b"
        )
    return None


def _sections(text: Text, tokens: list[Token]) -> list[Mistake]:
    found: list[Mistake] = []
    opened: list[Token] = []
    for token in tokens:
        if token.tag in ("section", "inverted section"):
            if any(one.key == token.key for one in opened):
                message = f"section {token.key} stands inside itself"
                found.append(_at(text, token, "section-in-itself", message))
            opened.append(token)
        elif token.tag == "end":
            if not opened:
                message = f"section {token.key} ends here and was never opened"
                found.append(_at(text, token, "section-not-opened", message))
            elif opened[-1].key != token.key:
                last = opened[-1]
                message = f"section {token.key} ends here, but the open one is {last.key} (line {last.line})"
                found.append(_at(text, token, "section-crossed", message, f"write {{{{/{last.key}}}}}"))
                if any(one.key == token.key for one in opened):
                    while opened.pop().key != token.key:
                        pass
            else:
                opened.pop()
    crossed = any(mistake.rule == "section-crossed" for mistake in found)
    if not crossed:
        for token in opened:
            message = f"section {token.key} is never closed"
            found.append(
                _at(text, token, "section-not-closed", message, f"close it with {{{{/{token.key}}}}}")
            )
    return found


def _at(text: Text, token: Token, rule: str, message: str, hint: str = "") -> Mistake:
    return text.wrong_at(token.line, token.column, token.width, rule, token.key, message, hint)
