"""Reading and writing ``.env`` files so that Compose's ``--env-file`` reads the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.interpolation import CannotInterpolate, interpolate
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_tree import Spot
from dynia.interfaces.shape import Shape

MAX_BYTES = 1024 * 1024
MAX_MISTAKES = 20

_BLANK = re.compile(r"\s*")
_GAP = re.compile("[ \t\v\f\r\x85\xa0]*")
_EXPORT = re.compile(r"export[ \t]+")
_KEY = re.compile(r"[A-Za-z0-9_.\-\[\]]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0[0-7]{0,3})')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$"}
_SAFE = re.compile(r"[A-Za-z0-9_./:@%+,=~-]*")


class Dotenv(Shape):
    """What a file sets, in its order, and the variables of others that it asked for."""

    values: dict[str, str]
    mistakes: tuple[Mistake, ...] = ()


def read_dotenv(file: str, data: bytes, known: Mapping[str, str], *, strict: bool) -> Dotenv:
    """`known` wins over what the file sets itself when it refers to variables, as in Compose.

    `strict`: names must be usable as variables and whatever is referred to must be defined.
    """
    if len(data) > MAX_BYTES:
        spot = Spot(file=file, line=1, column=1)
        message = f"larger than {MAX_BYTES // 1024} KiB"
        return Dotenv(values={}, mistakes=(mistake(spot, (), "too-large", message),))
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        spot = Spot(file=file, line=line, column=1)
        return Dotenv(values={}, mistakes=(mistake(spot, (), "not-utf8", "not UTF-8"),))
    return _Reader(file, text, known, strict).read()


class _Reader:
    """Walks over the text; a broken line is noted and skipped."""

    def __init__(self, file: str, text: str, known: Mapping[str, str], strict: bool) -> None:
        self.file, self.text, self.known, self.strict = file, text, known, strict
        self.values: dict[str, str] = {}
        self.found: list[Mistake] = []
        self.at = self.size = 0

    def read(self) -> Dotenv:
        while len(self.found) < MAX_MISTAKES and self.size <= MAX_BYTES:
            self.at = _end(_BLANK, self.text, self.at)
            if self.at >= len(self.text):
                break
            if self.text[self.at] == "#":
                self.at = self.line_end(self.at)
            else:
                self.statement()
        return Dotenv(values=self.values, mistakes=tuple(self.found))

    def line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def note(self, at: int, rule: str, message: str, hint: str = "", key: str = "", width: int = 1) -> None:
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start : self.line_end(at)].rstrip("\r")
        name, sign, value = line.partition("=")
        spot = Spot(
            file=self.file,
            line=self.text.count("\n", 0, at) + 1,
            column=at - start + 1,
            width=max(1, width),
            # values are often secrets: no message ever shows one
            text=f"{name}{sign}{'.' * len(value)}" if sign else "",
        )
        self.found.append(mistake(spot, (key,) if key else (), rule, message, hint))

    def statement(self) -> None:
        start = self.at
        export = _EXPORT.match(self.text, self.at)
        if export:
            self.at = export.end()
        key = _KEY.match(self.text, self.at)
        if not key:
            message, hint = "not NAME=value", "a comment starts with #, a value of several lines is quoted"
            self.note(start, "bad-dotenv", message, hint)
            self.at = self.line_end(start)
            return
        name = key.group()
        after = _end(_GAP, self.text, key.end())
        sign = self.text[after : after + 1]
        if sign not in ("=", ":"):
            self.bare(name, key.start(), after)
            return
        if self.strict and not _NAME.fullmatch(name):
            message = f"{name} cannot be the name of a variable"
            self.note(key.start(), "bad-variable-name", message, width=len(name))
        self.at = _end(_GAP, self.text, after + 1)
        value = self.value(name)
        if value is None:
            return
        if "\0" in value:
            self.note(key.start(), "bad-character", "a variable cannot hold a zero byte", key=name)
        elif not name[0].isdigit():
            self.values[name] = value

    def bare(self, name: str, at: int, after: int) -> None:
        end = self.line_end(at)
        if self.text[after:end].strip():
            self.note(at, "bad-dotenv", "not NAME=value", "there is no = after the name", width=len(name))
        elif name in self.known:
            self.values[name] = self.known[name]
        elif self.strict:
            hint = f"write {name}=; your shell is not read"
            self.note(at, "undefined-variable", f"{name} has no value", hint, key=name, width=len(name))
        self.at = end

    def value(self, name: str) -> str | None:
        start = self.at
        quote = self.text[start : start + 1]
        if quote not in ("'", '"') or not quote:
            end = self.line_end(start)
            raw = self.text[start:end].split(" #")[0].rstrip()
            self.at = end
            return self.filled(raw, start, name)
        chars: list[str] = []
        at = start + 1
        while at < len(self.text):
            char = self.text[at]
            if char == "\\" and at + 1 < len(self.text):
                following = self.text[at + 1]
                chars.append(following if following == quote else char + following)
                at += 2
                continue
            if char == quote:
                self.at = at + 1
                raw = "".join(chars)
                return raw if quote == "'" else self.filled(_unescaped(raw), start, name)
            chars.append(char)
            at += 1
        self.note(start, "bad-dotenv", f"the quote {quote} is not closed", key=name)
        self.at = len(self.text)
        return None

    def filled(self, raw: str, start: int, name: str) -> str | None:
        try:
            value = interpolate(raw, {**self.values, **self.known}, lenient=not self.strict)
            self.size += len(value)
            if self.size > MAX_BYTES:
                message = f"the values up to here are larger than {MAX_BYTES // 1024} KiB"
                self.note(start, "too-large", message, key=name)
            return value
        except CannotInterpolate as error:
            # the message of `error` would show a part of the value
            message = "refers to a variable that is not defined"
            if error.rule == "too-large":
                message = "becomes too large once its variables are filled in"
            elif error.rule != "undefined-variable":
                message = "${ is not closed, or not in a form that Compose knows"
            hint = "write $$ for a dollar sign, or put the value in single quotes"
            self.note(start, error.rule, message, hint, key=name, width=len(raw))
            return None


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where what `pattern` matches at `at` ends. No part of the text is copied: files may be long."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        sign = found.group(1)
        if sign.startswith("0"):
            return chr(int(sign[1:], 8)) if sign[1:] and int(sign[1:], 8) < 256 else found.group()
        return _ESCAPED.get(sign, found.group() if sign == "c" else sign)

    return _ESCAPE.sub(one, text)


def write_dotenv(values: Mapping[str, str]) -> bytes:
    """A file that Compose reads back exactly, with nothing left to be filled in."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items()).encode()


def _quoted(value: str) -> str:
    if _SAFE.fullmatch(value):
        return value
    if not re.search(r"['\\\n\r]", value):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
