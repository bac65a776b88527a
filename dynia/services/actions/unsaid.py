"""What a program said, without the secrets that Dynia itself had given it (law 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dynia.interfaces.files.shipping import SECRETS_FOLDER
from dynia.interfaces.release import ReleaseFile

# Shorter values are words such as "info" and "true", and would take half of what is said with them.
SHORTEST = 8
REDACTED = "[redacted]"
# As values of `.env` files are written.
_ESCAPE = re.compile(r"\\(.)")


def all_here(files: Iterable[ReleaseFile]) -> bool:
    """Whether what `secrets:` names is known: it is never empty, and a rollback goes without."""
    return all(file.content for file in files if of_source(file))


def of_source(file: ReleaseFile) -> bool:
    """A file of `secrets:`, which has a source of its own."""
    return file.secret and f"/{SECRETS_FOLDER}/" in file.path


def _meant(found: re.Match[str]) -> str:
    return {"n": "\n", "r": "\n"}.get(found[1], found[1])


def unsaid(text: str, files: Iterable[ReleaseFile]) -> str:
    """Every line of a secret file, and every value that one assigns, the longest first."""
    found: set[str] = set()
    for file in files:
        if file.secret:
            for line in file.content.decode("utf-8", "replace").splitlines():
                _, _, value = line.partition("=")
                bare = value.strip().strip("\"'")
                found |= {line.strip(), value.strip(), bare, *_ESCAPE.sub(_meant, bare).splitlines()}
    for value in sorted(found, key=lambda one: (-len(one), one)):
        if len(value) >= SHORTEST:
            text = text.replace(value, REDACTED)
    return text
