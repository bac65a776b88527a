"""What a program said, without the secrets that Dynia itself had given it (law 9)."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.release import ReleaseFile

# Shorter values are words such as "info" and "true", and would take half of what is said with them.
SHORTEST = 8
REDACTED = "[redacted]"


def unsaid(text: str, files: Iterable[ReleaseFile]) -> str:
    """Every line of a secret file, and every value that one assigns, the longest first."""
    found: set[str] = set()
    for file in files:
        if file.secret:
            for line in file.content.decode("utf-8", "replace").splitlines():
                _, _, value = line.partition("=")
                found |= {line.strip(), value.strip(), value.strip().strip("\"'")}
    for value in sorted(found, key=lambda one: (-len(one), one)):
        if len(value) >= SHORTEST:
            text = text.replace(value, REDACTED)
    return text
