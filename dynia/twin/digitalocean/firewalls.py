"""Cloud firewalls. They pass TCP, UDP and ICMP only, so one on a node would cut VRRP (protocol 112)."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

from dynia.twin.digitalocean import droplets, tags
from dynia.twin.digitalocean.cloud import Cloud, instant, not_found, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]+")
COLUMNS = {
    "inbound_rules": "inbound",
    "outbound_rules": "outbound",
    "droplet_ids": "droplets",
    "tags": "tags",
}


def create(cloud: Cloud, call: Call) -> Answer:
    id = str(uuid.uuid4())
    cloud.database.run(
        "INSERT INTO firewalls (id, name, inbound, outbound, droplets, tags, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        *_values(cloud, call, ""),
        cloud.clock(),
    )
    return Answer(202, {"firewall": _json(_find(cloud, id))})


def list_all(cloud: Cloud, call: Call) -> Answer:
    return paged(call, "firewalls", cloud.database.all("SELECT * FROM firewalls ORDER BY rowid"), _json)


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"firewall": _json(_find(cloud, call.args["firewall_id"]))})


def replace(cloud: Cloud, call: Call) -> Answer:
    """What the body leaves out is reset."""
    id = _find(cloud, call.args["firewall_id"])["id"]
    cloud.database.run(
        "UPDATE firewalls SET name = ?, inbound = ?, outbound = ?, droplets = ?, tags = ? WHERE id = ?",
        *_values(cloud, call, id),
        id,
    )
    return Answer(200, {"firewall": _json(_find(cloud, id))})


def delete(cloud: Cloud, call: Call) -> Answer:
    cloud.database.run("DELETE FROM firewalls WHERE id = ?", _find(cloud, call.args["firewall_id"])["id"])
    return Answer(204)


def add(name: str) -> Callable[[Cloud, Call], Answer]:
    return lambda cloud, call: _change(cloud, call, name, lambda had, named: [*had, *named])


def remove(name: str) -> Callable[[Cloud, Call], Answer]:
    return lambda cloud, call: _change(
        cloud, call, name, lambda had, named: [x for x in had if x not in named]
    )


def guarded(cloud: Cloud) -> frozenset[int]:
    """The droplets that some firewall is attached to, by number or by tag."""
    found: set[int] = set()
    for row in cloud.database.all("SELECT droplets, tags FROM firewalls"):
        found.update(json.loads(row["droplets"]))
        for tag in json.loads(row["tags"]):
            marked = cloud.database.all("SELECT droplet FROM droplet_tags WHERE tag = ?", tag)
            found.update(one["droplet"] for one in marked)
    return frozenset(found)


def _change(
    cloud: Cloud, call: Call, name: str, change: Callable[[list[Any], list[Any]], list[Any]]
) -> Answer:
    row, column = _find(cloud, call.args["firewall_id"]), COLUMNS[name]
    named = _existing(cloud, name, call.body.get(name) or [])
    kept = list(dict.fromkeys(change(json.loads(row[column]), named)))
    cloud.database.run(
        f"UPDATE firewalls SET {column} = ? WHERE id = ?",  # noqa: S608  (one of four words of ours)
        json.dumps(kept),
        row["id"],
    )
    return Answer(204)


def _values(cloud: Cloud, call: Call, id: str) -> list[str]:
    name = str(call.body.get("name") or "")
    if not NAME.fullmatch(name):
        raise unprocessable("name is invalid")
    if cloud.database.one("SELECT 1 FROM firewalls WHERE name = ? AND id <> ?", name, id):
        raise unprocessable("duplicate name")
    if not call.body.get("inbound_rules") and not call.body.get("outbound_rules"):
        raise unprocessable("must have at least one rule")
    given = {key: _existing(cloud, key, call.body.get(key) or []) for key in COLUMNS}
    return [name, *(json.dumps(given[key]) for key in COLUMNS)]


def _existing(cloud: Cloud, name: str, named: list[Any]) -> list[Any]:
    if name == "droplet_ids":
        return [droplets.find(cloud, str(one))["id"] for one in named]
    if name == "tags":
        return [tags.find(cloud, str(one))["name"] for one in named]
    return named


def _find(cloud: Cloud, id: str) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM firewalls WHERE id = ?", id)
    if row is None:
        raise not_found()
    return row


def _json(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "name": row["name"],
        "status": "succeeded",
        "created_at": instant(row["created"]),
        "pending_changes": [],
        **{key: json.loads(row[column]) for key, column in COLUMNS.items()},
    }
