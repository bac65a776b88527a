"""What an answer to drift wishes of clusters.yaml, as edits of its tree. Pure."""

from __future__ import annotations

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.files.yaml_edit import Edit, Put


def ignore(spec: ClusterSpec, items: tuple[str, ...], until: str, because: str) -> tuple[Edit, ...]:
    """The items are no finding up to and with a day; one that is in the file already gets the new day."""
    kept = [(one.item, one.until, one.because) for one in spec.ignored if one.item not in items]
    said = [*kept, *((item, until, because) for item in items)]
    value = [{"item": item, "until": day, "because": why} for item, day, why in said]
    return (Put(path=("clusters", spec.name, "drift", "ignore"), value=value),)
