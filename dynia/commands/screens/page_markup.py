"""Elements of a page as text: whatever is not an element already is escaped, so no foreign text is markup."""

from __future__ import annotations

import html
from collections.abc import Iterable

from dynia.commands.screens.text import clean, one_line


class Markup(str):
    """Text that is markup. Made by `element` and `joined` alone."""

    __slots__ = ()


Child = str | Markup | Iterable["Child"]
_VOID = frozenset({"meta", "br", "hr", "line", "rect", "circle", "path", "polygon"})


def element(name: str, /, *children: Child, **attributes: str | int | float | None) -> Markup:
    """One element. What is None is left out; ``aria_label`` is ``aria-label``, ``class_`` is ``class``."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(one_line(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{said}>" if name in ("meta", "br", "hr") else f"<{name}{said}/>")
    return Markup(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Side by side."""
    return Markup("".join(_one(child) for child in children))


def _one(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return html.escape(clean(child).replace("\n", " "))
    return joined(*child)


def lines(text: str) -> Markup:
    """Text in which line ends stay, for what is preformatted."""
    return Markup(html.escape(clean(text).replace("\r", "")))
