"""The names of entries of drift."""

from __future__ import annotations

from typing import Any

import pytest

from dynia.interfaces.errors import NotObservedError, Refused
from dynia.services.planning.drift_items import chosen, item
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


def there(node: str, path: str) -> Drift:
    return Drift(node=node, kind="file", subject=f"/opt/dynia/{path}", category="tampered", detail="edited")


DRIFTS = (there("misty-owl", "caddy/Caddyfile"), there("misty-owl", "haproxy/haproxy.cfg"),
          there("swift-fox", "haproxy/haproxy.cfg"))  # fmt: skip


def test_a_name_without_a_node_means_it_on_every_node() -> None:
    assert chosen(DRIFTS, ["haproxy/haproxy.cfg"]) == DRIFTS[1:]
    assert chosen(DRIFTS, ["swift-fox:haproxy/haproxy.cfg", "misty-owl:caddy/Caddyfile"]) == DRIFTS[::2]


def test_a_name_that_is_nobody_s_lists_what_drifted_the_most_alike_first() -> None:
    with pytest.raises(Refused) as error:
        chosen(DRIFTS, ["haproxy/haproxy.cf"])
    said = error.value.message.splitlines()
    assert "'haproxy/haproxy.cf'" in said[0]
    assert [line.strip() for line in said[1:]] == [
        "misty-owl:haproxy/haproxy.cfg",
        "swift-fox:haproxy/haproxy.cfg",
        "misty-owl:caddy/Caddyfile",
    ]


def test_where_a_node_is_silent_no_name_is_called_unknown() -> None:
    with pytest.raises(NotObservedError) as error:
        chosen(DRIFTS, ["brave-panda:caddy/Caddyfile"], ["brave-panda"])
    assert "brave-panda did not answer" in error.value.message
