"""Tags: names on droplets. Made by hand or by a droplet that carries one; they outlive what they mark."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable

from dynia.twin.digitalocean import droplets
from dynia.twin.digitalocean.cloud import Cloud, not_found, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json

NAME = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")


def create(cloud: Cloud, call: Call) -> Answer:
    (name,) = valid([call.body.get("name")])
    if cloud.database.one("SELECT 1 FROM tags WHERE name = ?", name):
        raise unprocessable("Tag already exists.")
    put(cloud, name)
    return Answer(201, {"tag": as_json(cloud, find(cloud, name))})


def list_all(cloud: Cloud, call: Call) -> Answer:
    rows = cloud.database.all("SELECT * FROM tags ORDER BY rowid")
    return paged(call, "tags", rows, lambda row: as_json(cloud, row))


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"tag": as_json(cloud, find(cloud, call.args["tag_id"]))})


def delete(cloud: Cloud, call: Call) -> Answer:
    name = find(cloud, call.args["tag_id"])["name"]
    cloud.database.run("DELETE FROM droplet_tags WHERE tag = ?", name)
    cloud.database.run("DELETE FROM tags WHERE name = ?", name)
    return Answer(204)


def mark(cloud: Cloud, call: Call) -> Answer:
    name = find(cloud, call.args["tag_id"])["name"]
    for droplet in _resources(cloud, call):
        put(cloud, name, droplet)
    return Answer(204)


def unmark(cloud: Cloud, call: Call) -> Answer:
    name = find(cloud, call.args["tag_id"])["name"]
    for droplet in _resources(cloud, call):
        cloud.database.run("DELETE FROM droplet_tags WHERE tag = ? AND droplet = ?", name, droplet)
    return Answer(204)


def put(cloud: Cloud, name: str, droplet: int | None = None) -> None:
    """The tag exists from now on, and this droplet carries it."""
    cloud.database.run("INSERT OR IGNORE INTO tags (name, created) VALUES (?, ?)", name, cloud.clock())
    if droplet is not None:
        cloud.database.run("INSERT OR IGNORE INTO droplet_tags (droplet, tag) VALUES (?, ?)", droplet, name)


def valid(names: Iterable[object]) -> list[str]:
    found = []
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise unprocessable(
                "Tag names may contain letters, numbers, colons, dashes and underscores, at most 255."
            )
        found.append(name)
    return found


def find(cloud: Cloud, name: str) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM tags WHERE name = ?", name)
    if row is None:
        raise not_found()
    return row


def as_json(cloud: Cloud, row: sqlite3.Row) -> Json:
    marked = cloud.database.count("SELECT count(*) FROM droplet_tags WHERE tag = ?", row["name"])
    none = {"count": 0}
    return {
        "name": row["name"],
        "resources": {
            "count": marked,
            "droplets": {"count": marked},
            "images": none,
            "volumes": none,
            "volume_snapshots": none,
            "databases": none,
        },
    }


def _resources(cloud: Cloud, call: Call) -> list[int]:
    """Droplets only: nothing else of the twin can carry a tag."""
    named = call.body.get("resources")
    if not isinstance(named, list) or not named:
        raise unprocessable("resources is missing")
    if any(one.get("resource_type") != "droplet" for one in named):
        raise unprocessable("resource_type must be droplet")
    return [droplets.find(cloud, str(one.get("resource_id", "")))["id"] for one in named]
