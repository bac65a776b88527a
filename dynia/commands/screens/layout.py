"""How one entry of a list is laid out: in columns on one line where it fits, else below with an indent."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.commands.screens.text import cells, listing, one_line, pad, wrap


def entries(rows: Sequence[tuple[str, Sequence[str]]], width: int, *, hang: int = 6) -> list[list[str]]:
    """Each row (head, texts) as lines: texts stand in common columns; one that does not fit goes below.

    Nothing is left out: a text longer than a line is wrapped. `head` ("  ~ ") is never wrapped. Texts are
    cleaned.
    """
    rows = [(head, [one_line(text) for text in texts]) for head, texts in rows]
    widths = _column_widths(rows, width)
    return [_entry(head, texts, widths, width, " " * hang) for head, texts in rows]


def _column_widths(rows: Sequence[tuple[str, Sequence[str]]], width: int) -> list[int]:
    """A column is as wide as its widest text that leaves room for others."""
    number = max((len(texts) for _, texts in rows), default=0)
    limit = max(width * 2 // 5, 12)
    found: list[int] = []
    for index in range(number):
        sizes = [cells(texts[index]) for _, texts in rows if index < len(texts)]
        found.append(max((size for size in sizes if size <= limit), default=0))
    return found


def _entry(head: str, texts: Sequence[str], widths: Sequence[int], width: int, indent: str) -> list[str]:
    lines: list[str] = []
    current, glue = head, ""
    for index, text in enumerate(texts):
        column = widths[index]
        if not text:
            if any(texts[index + 1 :]) and column:
                current, glue = current + glue + " " * column, "  "
            continue
        if cells(current) + len(glue) + cells(text) <= width:
            current, glue = current + glue + pad(text, column), "  "
            continue
        if current.strip() and current != head:
            lines.append(current.rstrip())
            current = indent
        *full, current = wrap(text, width, first=current, rest=indent)
        lines.extend(full)
        glue = "  "
    return [*lines, current.rstrip()]


def on_nodes(nodes: Sequence[str], everyone: Sequence[str], total: int, *, limit: int = 3) -> str:
    """Where something is, for people: few nodes by name, many as a number with the exceptions named."""
    if not nodes:
        return ""
    if total and len(nodes) >= total:
        return f"on {nodes[0]}" if total == 1 else f"on all {total} nodes"
    if len(nodes) <= limit:
        return f"on {', '.join(nodes)}"
    others = [name for name in everyone if name not in set(nodes)]
    if len(others) + len(nodes) == total and len(others) <= limit:
        return f"on {len(nodes)} of {total} nodes, all but {', '.join(others)}"
    return f"on {len(nodes)} of {total or '?'} nodes: {listing(nodes, limit)}"
