"""Whose a record is: a TXT record at ``_dynia.<name>`` says it, since a record itself has no comment.

It stands at a name of its own because nothing may stand beside a CNAME. It names type and value of the
record that it speaks of, so that a second record at the same name is not taken for ours.
"""

from __future__ import annotations

from dynia.interfaces.shape import Shape
from dynia.providers.protocols import DnsMark, DnsWish

PREFIX = "_dynia."
_KEYS = ("lineage", "cluster", "type", "value")


class Claim(Shape):
    """What one mark says: this record, of that type and value, is theirs."""

    owner: DnsMark
    type: str
    value: str


def claim_text(wish: DnsWish, owner: DnsMark) -> str:
    said = (owner.lineage, owner.cluster, wish.type, wish.value)
    return "heritage=dynia," + ",".join(f"{key}={value}" for key, value in zip(_KEYS, said, strict=True))


def claim_of(text: str) -> Claim | None:
    """The claim that a TXT record makes, or None if it is none of Dynia's."""
    heritage, *rest = text.split(",")
    parts = dict(part.partition("=")[::2] for part in rest)
    if heritage != "heritage=dynia" or set(parts) != set(_KEYS):
        return None
    owner = DnsMark(lineage=parts["lineage"], cluster=parts["cluster"])
    return Claim(owner=owner, type=parts["type"], value=parts["value"])


def marked_name(name: str) -> str:
    """The name whose record a mark at `name` speaks of; empty if no mark can be there."""
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""
