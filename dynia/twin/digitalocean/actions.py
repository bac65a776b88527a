"""Actions: what is under way, and how it ended."""

from __future__ import annotations

import ipaddress
import sqlite3

from dynia.twin.digitalocean import catalogue
from dynia.twin.digitalocean.cloud import Cloud, instant, not_found, number
from dynia.twin.exchange import Answer, Call, Json


def get(cloud: Cloud, call: Call) -> Answer:
    """An action by its number; under a droplet or a reserved IP, only one of theirs."""
    found = row(cloud, number(call.args["action_id"]))
    if "droplet_id" in call.args and found["droplet"] != number(call.args["droplet_id"]):
        raise not_found()
    if "reserved_ip" in call.args and _address(cloud, found) != call.args["reserved_ip"]:
        raise not_found()
    return Answer(200, {"action": as_json(cloud, found)})


def row(cloud: Cloud, id: int) -> sqlite3.Row:
    found = cloud.database.one("SELECT * FROM actions WHERE id = ?", id)
    if found is None:
        raise not_found()
    return found


def as_json(cloud: Cloud, row: sqlite3.Row) -> Json:
    address = _address(cloud, row)
    return {
        "id": row["id"],
        "status": row["status"],
        "type": row["type"],
        "started_at": instant(row["started"]),
        "completed_at": instant(row["completed"]) if row["completed"] else None,
        "resource_id": int(ipaddress.IPv4Address(address)) if address else row["droplet"],
        "resource_type": "reserved_ip" if address else "droplet",
        "region": catalogue.region_json(row["region"]),
        "region_slug": row["region"],
    }


def link(call: Call, id: int, rel: str) -> Json:
    return {"id": id, "rel": rel, "href": f"{call.base}/v2/actions/{id}"}


def _address(cloud: Cloud, row: sqlite3.Row) -> str:
    if row["reserved_ip"] is None:
        return ""
    found = cloud.database.one("SELECT ip FROM reserved_ips WHERE id = ?", row["reserved_ip"])
    return found["ip"] if found else ""
