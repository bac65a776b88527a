"""Signs with a word beside each: how grave something is, told by shape, word and colour, in this order."""

from __future__ import annotations

from typing import Literal

from dynia.commands.screens.page_markup import Markup, element

Sign = Literal["critical", "high", "medium", "low", "good", "silent"]
# Each in a square of 24.
_SHAPES: dict[Sign, tuple[Markup, ...]] = {
    "critical": (
        element("polygon", points="8,1 16,1 23,8 23,16 16,23 8,23 1,16 1,8", fill="currentColor"),
        element(
            "path", d="M7 7 17 17M17 7 7 17", stroke="var(--card)", stroke_width=3, stroke_linecap="round"
        ),
    ),
    "high": (
        element("polygon", points="12,2 23,22 1,22", fill="currentColor"),
        element(
            "path", d="M12 9V15M12 18.5V19", stroke="var(--card)", stroke_width=3, stroke_linecap="round"
        ),
    ),
    "medium": (
        element("polygon", points="12,1 23,12 12,23 1,12", fill="currentColor"),
        element(
            "path", d="M12 7V13M12 16.5V17", stroke="var(--card)", stroke_width=3, stroke_linecap="round"
        ),
    ),
    "low": (element("circle", cx=12, cy=12, r=9, fill="none", stroke="currentColor", stroke_width=4),),
    "good": (
        element("circle", cx=12, cy=12, r=11, fill="currentColor"),
        element(
            "path",
            d="M6.5 12.5 10.5 16.5 17.5 8.5",
            fill="none",
            stroke="var(--card)",
            stroke_width=3,
            stroke_linecap="round",
        ),
    ),
    "silent": (
        element(
            "circle",
            cx=12,
            cy=12,
            r=10,
            fill="none",
            stroke="currentColor",
            stroke_width=2.5,
            stroke_dasharray="4 3",
        ),
        element(
            "path",
            d="M9 9.5C9 5.5 15 5.5 15 9.5 15 12 12 11.5 12 14M12 17V17.5",
            fill="none",
            stroke="currentColor",
            stroke_width=2.5,
            stroke_linecap="round",
        ),
    ),
}


def shape(sign: Sign) -> Markup:
    """The sign alone: for whoever has words beside it."""
    return element("svg", *_SHAPES[sign], viewBox="0 0 24 24", aria_hidden="true", class_=sign)


def mark(sign: Sign, word: str) -> Markup:
    return element("span", shape(sign), element("span", word), class_=f"mark {sign}")
