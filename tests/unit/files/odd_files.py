"""Files as people write them: a tree written out in odd ways, with comments everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import strategies as st

WORDS = st.sampled_from(
    ["web", "api", "x-1", "yes", "1.10", "it's", "a: b", "#1", "ü", "8080", "", "a,b", "null"]
)
SCALARS = WORDS | st.integers(0, 9) | st.booleans() | st.none()
KEYS = st.sampled_from(["alpha", "beta", "gamma", "delta", "x y", "on", "7"])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=10,
)
COMMENTS = ["# plain", "#\ttab\tin it", "# key: value", "# - item", "#", "# {a: 1}, [b]", "# 'quote"]


def quoted(text: str, random: Random) -> str:
    if random.random() < 0.5 and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def word(value: Any, random: Random) -> str:
    """One scalar in any style that keeps its value."""
    if value is None:
        return random.choice(["~", "null", ""])
    if isinstance(value, bool):
        return random.choice([str(value), str(value).lower()])
    if isinstance(value, int):
        return str(value)
    plainly = value in (
        "web",
        "api",
        "x-1",
        "yes",
        "it's",
        "ü",
        "alpha",
        "beta",
        "gamma",
        "delta",
        "on",
        "x y",
    )
    return value if plainly and random.random() < 0.5 else quoted(value, random)


@dataclass
class Writer:
    """Writes a tree; the style is chance, so that hypothesis has only the tree to choose."""

    random: Random
    lines: list[str] = field(default_factory=list)
    step: int = 2

    def tail(self) -> str:
        if self.random.random() < 0.7:
            return self.random.choice(["", "", " "])
        return self.random.choice([" ", "  "]) + self.random.choice(COMMENTS)

    def between(self, column: int) -> None:
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            blank = self.random.random() < 0.5
            away = self.random.choice([0, 0, 0, 2, -column])
            self.lines.append("" if blank else " " * (column + away) + self.random.choice(COMMENTS))

    def flow(self, value: Any) -> str:
        gap = self.random.choice(["", " "])
        comma = self.random.choice(["", ","]) if value else ""
        if isinstance(value, dict):
            # a null must be said where a comma would end its key
            inner = ", ".join(f"{word(k, self.random)}: {self.flow(v)}" for k, v in value.items())
            return "{" + gap + inner + comma + gap + "}"
        if isinstance(value, list):
            return "[" + gap + ", ".join(self.flow(v) for v in value) + comma + gap + "]"
        return "null" if value is None else word(value, self.random)

    def wide_flow(self, value: dict[str, Any], column: int) -> None:
        """A flow mapping with a line for each entry."""
        self.lines[-1] += " {" + self.random.choice(["", " # open"])
        last = len(value) - 1
        for index, (key, each) in enumerate(value.items()):
            comma = "," if index < last or self.random.random() < 0.5 else ""
            self.lines.append(
                " " * (column + 4) + f"{word(key, self.random)}: {self.flow(each)}{comma}" + self.tail()
            )
        self.lines.append(" " * (column + 1) + "}" + self.tail())

    def block(self, value: dict[str, Any], column: int) -> None:
        for key, each in value.items():
            self.between(column)
            self.lines.append(" " * column + word(key, self.random) + ":")
            style = self.random.choice(["block", "block", "flow", "wide"])
            if isinstance(each, dict) and each and style == "block":
                self.lines[-1] += self.tail()
                self.block(each, column + self.random.choice([1, 2, 3, 4]))
            elif isinstance(each, dict) and each and style == "wide":
                self.wide_flow(each, column)
            elif (
                isinstance(each, list)
                and each
                and style == "block"
                and not any(isinstance(i, list | dict) for i in each)
            ):
                self.lines[-1] += self.tail()
                dash = column + self.random.choice([0, 2])
                for item in each:
                    self.between(dash)
                    self.lines.append(
                        " " * dash + "-  "[: self.random.choice([2, 3])] + self.flow(item) + self.tail()
                    )
            elif isinstance(each, dict | list):
                self.lines[-1] += " " + self.flow(each) + self.tail()
            else:
                text = word(each, self.random)
                self.lines[-1] += (f" {text}" if text else "") + self.tail()


@st.composite
def odd_files(draw: Any) -> tuple[str, dict[str, Any]]:
    """A text, and the tree that it means."""
    tree = draw(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
    writer = Writer(Random(draw(st.integers(0, 2**32))))
    writer.block(tree, 0)
    writer.between(0)
    feed = writer.random.choice(["\n", "\r\n"])
    return feed.join(writer.lines) + writer.random.choice(["", feed]), tree
