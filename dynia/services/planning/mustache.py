"""Strict mustache: templates are checked against the type of their data, then rendered by chevron.

chevron prints nothing for a name that does not exist, escapes ``{{x}}`` for HTML, reads partials from the
current directory and looks names up in methods of strings. None of it can happen here: tags and names are
checked first, and chevron is given tokens, never text.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass

import chevron
import msgspec

from dynia.interfaces.errors import BadInput, Mistake
from dynia.interfaces.shape import Shape
from dynia.services.planning.mustache_names import (
    Flag,
    Listing,
    Names,
    Number,
    Record,
    known_names,
    look_up,
    names_of,
)
from dynia.services.planning.mustache_names import Text as Printed
from dynia.services.planning.mustache_tokens import Text, Token, tokenize

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Template:
    """A template that fits its data. Made by `compiled`."""

    text: Text
    tokens: tuple[Token, ...]
    fed: tuple[tuple[str, str], ...]

    def render(self, data: Shape) -> str:
        """The text. Raises BadInput where a value would break the line that it stands in."""
        values = self._plain("", data)
        return str(chevron.render(self.fed, values))

    def _plain(self, key: str, value: object) -> object:
        """Data as chevron wants it: dicts and lists; objects as sorted {key, value} entries."""
        if isinstance(value, str):
            if _CONTROL.search(value):
                raise BadInput((self._broken(key, value),))
            return value
        if isinstance(value, tuple):
            return [self._plain(key, item) for item in value]
        if isinstance(value, dict):
            pairs = sorted(value.items())
            return [{"key": self._plain(key, k), "value": self._plain(key, v)} for k, v in pairs]
        if isinstance(value, msgspec.Struct):
            return {name: self._plain(name, getattr(value, name)) for name in value.__struct_fields__}
        return value

    def _broken(self, key: str, value: str) -> Mistake:
        use = next((t for t in self.tokens if t.tag != "literal" and t.key.split(".")[-1] == key), None)
        line, column, width = (use.line, use.column, use.width) if use else (1, 1, 1)
        message = f"its value has a control character ({value[:40]!r}), which would break the file"
        return self.text.wrong_at(line, column, width, "control-character-in-value", key, message)


@functools.lru_cache(maxsize=64)
def compiled(name: str, text: str, kind: type[Shape], required: frozenset[str] = frozenset()) -> Template:
    """A checked template; `name` is its path for people, `required` are names that it must use.

    Raises BadInput with every mistake.
    """
    source = Text(name, text)
    tokens, mistakes = tokenize(source)
    if not mistakes:
        mistakes = (*_check_names(source, tokens, names_of(kind)), *_check_used(source, tokens, required))
    if mistakes:
        raise BadInput(mistakes)
    fed = tuple(("no escape" if t.tag == "variable" else str(t.tag), t.key) for t in tokens)
    return Template(text=source, tokens=tokens, fed=fed)


def _check_used(text: Text, tokens: tuple[Token, ...], required: frozenset[str]) -> list[Mistake]:
    used = {t.key.split(".")[0] for t in tokens if t.tag not in ("literal", "end")}
    return [
        text.wrong_at(
            1, 1, 1, "unused-variable", name, f"the template never uses {name}", f"put {{{{{name}}}}} in"
        )
        for name in sorted(required - used)
    ]


def _check_names(text: Text, tokens: tuple[Token, ...], root: Record) -> list[Mistake]:
    found: list[Mistake] = []
    scopes: list[Names] = [root]
    for token in tokens:
        if token.tag == "literal":
            continue
        if token.tag == "end":
            scopes.pop()
            continue
        meaning = look_up(token.key, scopes)
        found += _wrong_use(text, token, meaning, scopes)
        if token.tag == "section":
            inner = meaning.item if isinstance(meaning, Listing) else meaning
            scopes.append(inner if inner is not None else Flag())
        elif token.tag == "inverted section":
            scopes.append(Flag())
    return found


def _wrong_use(text: Text, token: Token, meaning: Names | None, scopes: list[Names]) -> list[Mistake]:
    def wrong(rule: str, message: str, hint: str = "") -> list[Mistake]:
        return [text.wrong_at(token.line, token.column, token.width, rule, token.key, message, hint)]

    key = token.key
    if meaning is None:
        known = known_names(scopes)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return wrong("unknown-variable", f"there is no variable {key}", hint)
    if token.tag == "variable":
        if isinstance(meaning, Printed | Number):
            return []
        if key == ".":
            return wrong("dot-without-text", "{{.}} stands where there is no text to print")
        if isinstance(meaning, Listing):
            return wrong(
                "prints-a-list", f"{key} is a list", f"repeat over it: {{{{#{key}}}}}...{{{{/{key}}}}}"
            )
        if isinstance(meaning, Record):
            return wrong(
                "prints-a-record", f"{key} has fields", f"fields: {', '.join(sorted(meaning.fields))}"
            )
        return wrong("prints-a-flag", f"{key} is yes or no", f"ask for it: {{{{#{key}}}}}...{{{{/{key}}}}}")
    if isinstance(meaning, Number):
        return wrong(
            "section-over-a-number", f"{key} is a number and always there", f"print it: {{{{{key}}}}}"
        )
    if token.tag == "inverted section" and isinstance(meaning, Record):
        return wrong("never-empty", f"{key} is always there, so this is never printed")
    return []
