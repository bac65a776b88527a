"""A planted secret in every form in which it could be told: raw, base64 at any offset, URL- and JSON-escaped."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable


def forms(value: str) -> frozenset[bytes]:
    """What to search for. Of base64 the middle: its ends depend on what stands beside the value."""
    raw = value.encode()
    found = {raw, raw.hex().encode(), json.dumps(value)[1:-1].encode(), value.encode("unicode_escape")}
    found |= {
        json.dumps(value, ensure_ascii=False)[1:-1].encode(),
        json.dumps(json.dumps(value))[3:-3].encode(),
    }
    found |= {urllib.parse.quote(value, safe=safe).encode() for safe in ("", "/")}
    found.add(urllib.parse.quote_plus(value).encode())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found |= {encode(b"\0" * shift + raw)[shift and 4 : len(raw) * 4 // 3 - 4] for shift in range(3)}
    return frozenset(found)


def found_in(text: bytes, values: Iterable[str]) -> list[str]:
    """Those of the values that stand there in some form."""
    return [value for value in values if any(form in text for form in forms(value))]
