"""Zones of the account: found by name, seen only by tokens that may read them."""

from __future__ import annotations

import sqlite3

from dynia.twin.cloudflare.edge import ZONE_READ, Edge, fresh_id, instant, paged, success
from dynia.twin.exchange import Answer, Call, Json


def add(edge: Edge, name: str) -> None:
    """The account has this zone; nothing happens where it has it already."""
    edge.database.run(
        "INSERT OR IGNORE INTO zones (id, name, created) VALUES (?, ?, ?)", fresh_id(), name, edge.clock()
    )


def list_all(edge: Edge, call: Call) -> Answer:
    """A token that may read none gets an empty list, not a refusal."""
    rows = [
        row
        for row in edge.database.all("SELECT * FROM zones ORDER BY name")
        if edge.may(call.token, row["name"], ZONE_READ)
        and call.query.get("name", row["name"]).lower() == row["name"]
        and call.query.get("status", "active") == "active"
    ]
    return paged(call, rows, lambda row: _json(edge, row), per_page=20, least=5, most=50)


def get(edge: Edge, call: Call) -> Answer:
    return success(_json(edge, edge.zone(call, ZONE_READ)))


def _json(edge: Edge, row: sqlite3.Row) -> Json:
    at = instant(row["created"])
    return {
        "id": row["id"],
        "name": row["name"],
        "status": "active",
        "paused": False,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "created_on": at,
        "modified_on": at,
        "activated_on": at,
        "meta": {"step": 2, "page_rule_quota": 3, "phishing_detected": False},
        "owner": {"id": edge.account, "type": "user"},
        "account": {"id": edge.account, "name": "The twin's account"},
        "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
        "plan": {"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website"},
    }
