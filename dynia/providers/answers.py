"""Whether a vendor's answer has what is read of it, checked before anything is taken out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

# It becomes part of configs and of other vendors' records.
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
Ipv4 = Annotated[str, msgspec.Meta(pattern=rf"^({_OCTET}\.){{3}}{_OCTET}(?![\s\S])")]
# Of a whole list, over all its pages: more is no list that a person keeps.
MOST_ITEMS = 100_000


def nonsense(shapes: Mapping[str, Any], call: str, body: object) -> str:
    """What is wrong with the body of an answer to `call`; empty: nothing. Calls that are not in `shapes` are
    done for their effect, and what they answer is not read."""
    wanted = shapes.get(call)
    if wanted is None:
        return ""
    try:
        msgspec.convert(body, wanted)
        # Half a character fits any text, and can't be written down.
        msgspec.json.encode(body)
    except (msgspec.ValidationError, UnicodeError, OverflowError, RecursionError) as error:
        return f"an answer that makes no sense: {str(error)[:120] or 'nested too deeply'}"
    return ""
