"""`dynia validate`: is the desired file right, with all that it names?"""

from __future__ import annotations

import click


@click.command()
@click.option("-f", "--file", metavar="FILE", help="The desired file (else DYNIA_FILE, else upwards).")
def command(file: str | None) -> int:
    """Check clusters.yaml and what it names. Connects to nothing and changes nothing.

    Exits 0 without mistakes, else 1, with every mistake by file, line and column.

    \b
    Example:
      dynia validate -f clusters.yaml
    """
    import os
    import pathlib

    from dynia.commands.output import standard_output
    from dynia.interfaces.clusters_file import load
    from dynia.interfaces.find_file import find_file

    path = find_file(file, os.environ, pathlib.Path.cwd())
    clusters = load(path).clusters
    services = sum(len(cluster.services) for cluster in clusters)
    standard_output().show(
        f"{path}: {_count(len(clusters), 'cluster')}, {_count(services, 'service')}, no mistakes."
    )
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
