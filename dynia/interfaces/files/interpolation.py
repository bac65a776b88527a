"""Filling in ``$VAR``, ``${VAR}``, ``:-``, ``-``, ``:?``, ``?``, ``:+``, ``+`` and ``$$`` as Compose does.

Two things are stricter: a variable that is not defined is an error, and what Compose versions read
differently (a bare ``{`` inside ``${...}``) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
MAX_DEPTH = 20
# Characters that one text may have when it is filled in: a few lines could make gigabytes of each other.
MAX_FILLED = 1024 * 1024


class CannotInterpolate(Exception):
    """`offset` is where in the text; `rule` and `hint` as in a mistake."""

    def __init__(self, offset: int, width: int, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.offset, self.width, self.rule, self.message, self.hint = offset, width, rule, message, hint


def interpolate(text: str, variables: Mapping[str, str], *, lenient: bool = False) -> str:
    """`text` with everything filled in. `lenient`: an undefined plain variable is empty text.

    Lenient is what env files get: Compose itself reads them so, and they may hold a stray dollar sign.
    """
    return _fill(text, 0, variables, lenient, 0)


def variable_names(text: str) -> frozenset[str]:
    """Names that `text` may ask for."""
    return frozenset(re.findall(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)", text.replace("$$", "")))


def _fill(text: str, base: int, variables: Mapping[str, str], lenient: bool, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise CannotInterpolate(base, 1, "interpolation", "too many ${ inside one another")
    out: list[str] = []
    at = size = 0
    while (dollar := text.find("$", at)) >= 0:
        size += len(out[-1]) if out else 0
        if size > MAX_FILLED:
            message = f"more than {MAX_FILLED >> 20} Mi characters once its variables are filled in"
            raise CannotInterpolate(base + dollar, 1, "too-large", message)
        out.append(text[at:dollar])
        following = text[dollar + 1 : dollar + 2]
        name = _NAME.match(text, dollar + 1)
        if following == "$":
            out.append("$")
            at = dollar + 2
        elif name:
            out.append(_value(name.group(), base + dollar, name.end() - dollar, variables, lenient))
            at = name.end()
        elif following == "{":
            end = _closing(text, dollar, base)
            out.append(_braced(text[dollar : end + 1], base + dollar, variables, lenient, depth))
            at = end + 1
        else:
            out.append("$")
            at = dollar + 1
    return "".join((*out, text[at:]))


def _closing(text: str, dollar: int, base: int) -> int:
    depth, at = 0, dollar
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "{":
            message = "a bare { inside ${...} is read differently by different versions of Compose"
            raise CannotInterpolate(base + at, 1, "interpolation", message, "put the value into .env")
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        elif text[at] == "\n":
            break
        at += 1
    message, hint = "${ is not closed", "write $$ for a dollar sign"
    raise CannotInterpolate(base + dollar, 2, "interpolation", message, hint)


def _braced(whole: str, base: int, variables: Mapping[str, str], lenient: bool, depth: int) -> str:
    inner = whole[2:-1]
    name = _NAME.match(inner)
    if not name:
        message = f"{whole} names no variable"
        raise CannotInterpolate(base, len(whole), "interpolation", message, "write $$ for a dollar sign")
    key, rest = name.group(), inner[name.end() :]
    if not rest:
        return _value(key, base, len(whole), variables, lenient)
    operator = _OPERATOR.match(rest)
    if not operator:
        message = f"{whole} is not a form that Compose knows"
        hint = "for example ${VAR}, ${VAR:-default}, ${VAR:?why}"
        raise CannotInterpolate(base, len(whole), "interpolation", message, hint)
    sign, word = operator.group(), rest[operator.end() :]
    value = variables.get(key)
    there = value is not None and not (sign.startswith(":") and value == "")
    word_base = base + 2 + name.end() + operator.end()
    match sign[-1]:
        case "-":
            return value or "" if there else _fill(word, word_base, variables, lenient, depth + 1)
        case "+":
            return _fill(word, word_base, variables, lenient, depth + 1) if there else ""
    if there:
        return value or ""
    why = _fill(word, word_base, variables, True, depth + 1)
    message = f"{key} is required" + (f": {why}" if why else "")
    raise CannotInterpolate(base, len(whole), "undefined-variable", message, _where(key))


def _value(name: str, offset: int, width: int, variables: Mapping[str, str], lenient: bool) -> str:
    if name in variables:
        return variables[name]
    if lenient:
        return ""
    raise CannotInterpolate(
        offset, width, "undefined-variable", f"the variable {name} is not defined", _where(name)
    )


def _where(name: str) -> str:
    return f"define {name} in .env beside the compose file or in the service's env:; your shell is not read"
