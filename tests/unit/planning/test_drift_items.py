"""The names of entries of drift."""

from __future__ import annotations

from typing import Any

import pytest

from dynia.services.planning.drift_items import item
from dynia.services.planning.plan import Drift


@pytest.mark.parametrize(
    ("node", "kind", "subject", "named"),
    [
        ("misty-owl", "file", "/opt/dynia/haproxy/haproxy.cfg", "misty-owl:haproxy/haproxy.cfg"),
        ("misty-owl", "file", "/etc/systemd/system/a.service", "misty-owl:/etc/systemd/system/a.service"),
        ("misty-owl", "unit", "haproxy", "misty-owl:unit haproxy"),
        ("misty-owl", "container", "container dynia-api-web-1", "misty-owl:container dynia-api-web-1"),
        ("", "reserved_ip", "198.18.0.9", "reserved IP 198.18.0.9"),
        ("", "record", "A api.example.com", "dns A api.example.com"),
    ],
)
def test_an_entry_of_drift_is_named_by_its_node_and_what_it_is(
    node: str, kind: Any, subject: str, named: str
) -> None:
    drift = Drift(
        node=node,
        kind=kind,
        subject=subject,
        category="tampered",
        detail="edited",
    )
    assert item(drift) == named
