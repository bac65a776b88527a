"""An error as people read it: what is wrong and where, and what to do next."""

from __future__ import annotations

from dynia.commands.screens.text import cells, clean, count, paint, shorten, take, wrap
from dynia.interfaces.errors import BadInput, DyniaError, Mistake

MOST = 20
# Characters to each side of a mistake that can end up on the screen; a line may have a million.
AROUND = 1000


def error_text(error: DyniaError, *, width: int, color: bool = False) -> str:
    """The error: mistakes with their lines, anything else as a sentence and a hint."""
    if isinstance(error, BadInput):
        return _mistakes(error.mistakes, width, color)
    lines: list[str] = []
    first, *others = clean(error.message).splitlines() or [""]
    lines += wrap(f"Error: {first}", width, rest="  ")
    lines = [paint(line, "bad", color) for line in lines]
    for text in others:
        indent = " " * min(len(text) - len(text.lstrip()), width // 4)
        lines += wrap(text, width, first=indent, rest=indent + "  ")
    if error.hint:
        lines += wrap(f"Next: {clean(error.hint)}", width, rest="  ")
    return "\n".join(lines)


def bug_text(kind: str, message: str, *, version: str, width: int, color: bool = False) -> str:
    """What nobody foresaw: said shortly, with the way to a report."""
    said = f"{kind}: {' '.join(clean(message).split())}" if message else kind
    lines = wrap(f"Error: this is a bug in dynia {version}: {shorten(said, 200)}", width, rest="  ")
    lines = [paint(line, "bad", color) for line in lines]
    way = "run the same command with --debug and report what it prints"
    return "\n".join([*lines, *wrap(f"Next: {way}.", width, rest="  ")])


def _mistakes(mistakes: tuple[Mistake, ...], width: int, color: bool) -> str:
    blocks = [_mistake(mistake, width, color) for mistake in mistakes[:MOST]]
    if len(mistakes) > MOST:
        blocks.append([f"... and {len(mistakes) - MOST} more"])
    files = {mistake.file for mistake in mistakes}
    where = next(iter(files)) if len(files) == 1 else f"{len(files)} files"
    last = f"{count(len(mistakes), 'mistake')} in {clean(where)}; nothing was touched."
    blocks.append([paint(line, "bad", color) for line in wrap(last, width, rest="  ")])
    glue = "\n\n" if len(mistakes) > 1 else "\n"
    return glue.join("\n".join(block) for block in blocks)


def _mistake(mistake: Mistake, width: int, color: bool) -> list[str]:
    place = f"{clean(mistake.file)}:{mistake.line}:{mistake.column}"
    key = f"{clean(mistake.key)}: " if mistake.key else ""
    said = " ".join(clean(mistake.message).split())
    if cells(place) + 24 > width:
        lines = [*wrap(place, width, rest="  "), *wrap(key + said, width, first="  ", rest="  ")]
    else:
        lines = wrap(key + said, width, first=f"{place}  ", rest="  ")
    hint = " ".join(clean(mistake.hint).split())
    if not mistake.text.strip():
        return [*lines, *(wrap(hint, width, first="  ", rest="  ") if hint else [])]
    return [*lines, *_excerpt(mistake, hint, width, color)]


def _excerpt(mistake: Mistake, hint: str, width: int, color: bool) -> list[str]:
    """The line with a caret under the place; a long line is shown from near the place on."""
    gutter = f"{mistake.line:>4} | "
    room = width - len(gutter)
    start = min(max(mistake.column - 1, 0), len(mistake.text))
    skipped = max(0, start - AROUND)
    text = mistake.text[skipped : start + AROUND].replace("\t", " ")
    shown, start = clean(text), start - skipped
    if len(shown) == len(text):
        before = cells(text[:start])
    else:
        before = cells(clean(text[:start]))
        start = len(clean(text[:start]))
    if cells(shown) > room:
        cut = max(0, min(start - room // 2, len(shown) - room + 2))
        if cut:
            shown = "…" + shown[cut + 1 :]
            before = cells(shown[: max(start - cut, 0)])
        if cells(shown) > room:
            shown = take(shown, room - 1) + "…"
    before = min(before, room - 1)
    wide = max(1, min(mistake.width, cells(shown) - before))
    caret = " " * before + "^" * wide
    blank = " " * 4 + " | "
    lines = [f"{gutter}{shown}".rstrip()]
    if hint and len(blank) + len(caret) + 1 + cells(hint) <= width:
        return [*lines, f"{blank}{paint(caret, 'bad', color)} {hint}"]
    lines.append(f"{blank}{paint(caret, 'bad', color)}")
    return lines + (wrap(hint, width, first=blank, rest=blank) if hint else [])
