"""An edit of a file for people: the lines that change, as a diff."""

from __future__ import annotations

from dynia.commands.screens.text import Role, clean, paint
from dynia.interfaces.files.rewrite import FileEdit

_ROLES: dict[str, Role] = {"+": "add", "-": "destroy", "@": "dim"}


def edit_text(edit: FileEdit, *, color: bool = False) -> str:
    """A unified diff. Lines keep their length: they are to be read, and copied, as they stand in the file."""
    lines = []
    for line in edit.diff():
        shown = line[:1] + clean(line[1:]).replace("\n", " ").rstrip()
        role = _ROLES.get(line[:1])
        heading = line.startswith(("--- ", "+++ "))
        lines.append(paint(shown, "head" if heading else role, color) if role else shown)
    return "\n".join(lines)
