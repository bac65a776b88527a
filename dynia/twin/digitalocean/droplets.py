"""Droplets: create, list, get, delete, and the actions that turn them on and off."""

from __future__ import annotations

import json
import re
import sqlite3

from dynia.twin.digitalocean import actions, catalogue, keys, tags, vpcs
from dynia.twin.digitalocean.cloud import Cloud, instant, not_found, number, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json, Refusal

NAME = re.compile(r"[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]")
USER_DATA_LIMIT = 64 * 1024
POWER = {
    "power_on": "active",
    "power_off": "off",
    "shutdown": "off",
    "reboot": "active",
    "power_cycle": "active",
}


def create(cloud: Cloud, call: Call) -> Answer:
    """All or nothing: every check stands before the first row."""
    body = call.body
    names = [body["name"]] if isinstance(body.get("name"), str) else body.get("names")
    if not isinstance(names, list) or not 0 < len(names) <= 10 or not all(map(NAME.fullmatch, names)):
        raise unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    size = catalogue.find_size(str(body.get("size", "")))
    if size is None:
        raise unprocessable("You specified an invalid size for Droplet creation.")
    image = catalogue.find_image(body["image"]) if isinstance(body.get("image"), str | int) else None
    if image is None:
        raise unprocessable("You specified an invalid image for Droplet creation.")
    region = str(body.get("region") or "nyc3")
    if region not in catalogue.REGIONS:
        raise unprocessable("You specified an invalid region for Droplet creation.")
    if not catalogue.offered(size, region):
        raise unprocessable("Size is not available in this region.")
    public_keys = [keys.public_key(cloud, key) for key in body.get("ssh_keys") or []]
    user_data = body.get("user_data") or ""
    if len(user_data.encode()) > USER_DATA_LIMIT:
        raise unprocessable("User data is too long: at most 64 KB.")
    wanted = tags.valid(body.get("tags") or [])
    vpc = vpcs.place(cloud, region, str(body.get("vpc_uuid") or ""))
    if alive(cloud) + len(names) > cloud.quota.droplets:
        raise unprocessable("creating this/these droplet(s) will exceed your droplet limit")
    made = []
    for name in names:
        droplet = cloud.database.run(
            "INSERT INTO droplets (name, region, size, image, vpc, user_data, public_keys, status, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'new', ?)",
            name,
            region,
            size.slug,
            image,
            vpc,
            user_data,
            json.dumps(public_keys),
            cloud.clock(),
        )
        for tag in wanted:
            tags.put(cloud, tag, droplet)
        made.append((droplet, cloud.begin("create", region, droplet=droplet)))
    shown = [as_json(cloud, find(cloud, str(droplet))) for droplet, _ in made]
    links = {"actions": [actions.link(call, action, "create") for _, action in made]}
    return Answer(
        202,
        {"droplet": shown[0], "links": links}
        if isinstance(body.get("name"), str)
        else {"droplets": shown, "links": links},
    )


def list_all(cloud: Cloud, call: Call) -> Answer:
    tag, name = call.query.get("tag_name", ""), call.query.get("name", "")
    if tag and name:
        raise unprocessable("tag_name can not be combined with name")
    rows = cloud.database.all(
        "SELECT * FROM droplets WHERE deleted IS NULL AND (? = '' OR lower(name) = lower(?))"
        " AND (? = '' OR id IN (SELECT droplet FROM droplet_tags WHERE tag = ?)) ORDER BY id",
        name,
        name,
        tag,
        tag,
    )
    return paged(call, "droplets", rows, lambda row: as_json(cloud, row))


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"droplet": as_json(cloud, find(cloud, call.args["droplet_id"]))})


def delete(cloud: Cloud, call: Call) -> Answer:
    droplet = find(cloud, call.args["droplet_id"])
    if _pending(cloud, droplet["id"]):
        raise unprocessable("Droplet already has a pending event.")
    drop(cloud, droplet["id"])
    return Answer(204)


def delete_tagged(cloud: Cloud, call: Call) -> Answer:
    tag = call.query.get("tag_name", "")
    if not tag:
        raise unprocessable("tag_name is missing")
    for row in cloud.database.all(
        "SELECT id FROM droplets WHERE deleted IS NULL"
        " AND id IN (SELECT droplet FROM droplet_tags WHERE tag = ?)",
        tag,
    ):
        drop(cloud, row["id"])
    return Answer(204)


def act(cloud: Cloud, call: Call) -> Answer:
    """Begin an action. Power actions only: what else a droplet can do, a cluster does not ask for."""
    droplet = find(cloud, call.args["droplet_id"])
    type = str(call.body.get("type", ""))
    if type not in POWER:
        raise unprocessable(f"{type or 'nothing'} is not an action of this twin ({', '.join(POWER)})")
    if _pending(cloud, droplet["id"]):
        raise unprocessable("Droplet already has a pending event.")
    if type == "power_on" and droplet["status"] == "active":
        raise unprocessable("Droplet is currently on. Please power it off to run this event.")
    if type in ("power_off", "shutdown") and droplet["status"] == "off":
        raise unprocessable("Droplet is already powered off.")
    begun = cloud.begin(type, droplet["region"], droplet=droplet["id"])
    return Answer(201, {"action": actions.as_json(cloud, actions.row(cloud, begun))})


def drop(cloud: Cloud, droplet: int) -> None:
    """The droplet is gone from now on: no address, no tag; its reserved IP falls off."""
    cloud.database.run("UPDATE droplets SET deleted = ? WHERE id = ?", cloud.clock(), droplet)
    cloud.database.run("DELETE FROM droplet_tags WHERE droplet = ?", droplet)
    cloud.database.run("UPDATE reserved_ips SET droplet = NULL WHERE droplet = ?", droplet)
    cloud.database.run(
        "UPDATE actions SET status = 'errored', completed = ? WHERE droplet = ? AND status = 'in-progress'",
        cloud.clock(),
        droplet,
    )
    cloud.deleted.append(droplet)


def alive(cloud: Cloud) -> int:
    return cloud.database.count("SELECT count(*) FROM droplets WHERE deleted IS NULL")


def find(cloud: Cloud, id: str) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM droplets WHERE id = ? AND deleted IS NULL", number(id))
    if row is None:
        raise not_found()
    return row


def _pending(cloud: Cloud, droplet: int) -> bool:
    return bool(
        cloud.database.count(
            "SELECT count(*) FROM actions"
            " WHERE droplet = ? AND reserved_ip IS NULL AND status = 'in-progress'",
            droplet,
        )
    )


def as_json(cloud: Cloud, row: sqlite3.Row) -> Json:
    size = catalogue.find_size(row["size"])
    if size is None:
        raise Refusal(500, "server_error", f"size {row['size']} left the catalogue")
    worn = cloud.database.all("SELECT tag FROM droplet_tags WHERE droplet = ? ORDER BY rowid", row["id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "locked": _pending(cloud, row["id"]),
        "status": row["status"],
        "kernel": None,
        "created_at": instant(row["created"]),
        "features": ["private_networking", "droplet_agent"],
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [],
        "image": catalogue.image_json(row["image"]),
        "volume_ids": [],
        "size": catalogue.size_json(size),
        "size_slug": size.slug,
        "networks": {"v4": _networks(row), "v6": []},
        "region": catalogue.region_json(row["region"]),
        "tags": [one["tag"] for one in worn],
        "vpc_uuid": row["vpc"],
    }


def _networks(row: sqlite3.Row) -> list[Json]:
    return [
        {"ip_address": row[f"{type}_ip"], "netmask": "255.255.192.0", "gateway": "198.19.0.1", "type": type}
        for type in ("private", "public")
        if row[f"{type}_ip"]
    ]
