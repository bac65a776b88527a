"""`dynia schema`: the JSON Schema of clusters.yaml, for editors."""

from __future__ import annotations

import click


@click.command()
def command() -> int:
    """Print the JSON Schema of clusters.yaml.

    Editors complete and check the file when its first line names the schema:
    "# yaml-language-server: $schema=./clusters.schema.json"

    \b
    Example:
      dynia schema > clusters.schema.json
    """
    from dynia.commands.output import standard_output
    from dynia.interfaces.files.schema import schema_text

    standard_output().data(schema_text().encode())
    return 0
