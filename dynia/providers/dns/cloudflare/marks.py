"""How Dynia knows its own in a zone: a record's comment, made and compared."""

from __future__ import annotations

from dynia.interfaces.errors import DyniaError
from dynia.providers.protocols import DnsMark

# Of the free plan; tags would say it better, and cost money.
LIMIT = 100
CHALLENGE = "dynia acme-challenge"


def comment(mark: DnsMark) -> str:
    text = f"dynia lineage={mark.lineage} cluster={mark.cluster}"
    if len(text) > LIMIT:
        raise DyniaError(
            f"cluster {mark.cluster}: its mark on a record would have {len(text)} characters",
            hint=f"Cloudflare's comments have at most {LIMIT}: give the cluster a shorter name",
        )
    return text
