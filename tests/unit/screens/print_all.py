"""Prints every screen of the samples to standard output, as the program would: columns and colour from outside."""

from __future__ import annotations

from dynia.commands.output import standard_output
from tests.unit.screens.catalogue import catalogue


def main() -> None:
    output = standard_output()
    for name, screen in catalogue().items():
        output.show(f"=== {name}")
        output.show(screen(output.width, output.color))


if __name__ == "__main__":
    main()
