"""Making mistakes out of places, and near spellings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.yaml_tree import Path, Spot, dotted


def mistake(spot: Spot, path: Path, rule: str, message: str, hint: str = "") -> Mistake:
    return Mistake(
        file=spot.file,
        line=spot.line,
        column=spot.column,
        key=dotted(path),
        message=message,
        text=spot.text,
        width=spot.width,
        hint=hint,
        rule=rule,
    )


def near(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or empty."""
    choices = sorted(known)
    lowered = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint: the near spelling, or what there is to choose from."""
    choices = sorted(known)
    guess = near(word, choices)
    if guess:
        return f"did you mean {guess}?"
    return f"known: {', '.join(choices)}" if len(choices) <= 12 else ""
