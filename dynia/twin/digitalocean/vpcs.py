"""VPCs: every region has a default one from its first droplet on; that and a used one can't be deleted."""

from __future__ import annotations

import re
import sqlite3
import uuid

from dynia.twin.digitalocean import catalogue
from dynia.twin.digitalocean.cloud import Cloud, instant, not_found, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json, Refusal

NAME = re.compile(r"[a-zA-Z0-9\-.]+")
RANGE = "198.19.64.0/18"


def create(cloud: Cloud, call: Call) -> Answer:
    name, region = str(call.body.get("name") or ""), str(call.body.get("region") or "")
    if not NAME.fullmatch(name):
        raise unprocessable("Name is invalid.")
    if region not in catalogue.REGIONS:
        raise unprocessable("Region is invalid.")
    if cloud.database.one("SELECT 1 FROM vpcs WHERE name = ?", name):
        raise unprocessable("A VPC with this name already exists.")
    made = _make(
        cloud,
        name,
        region,
        default=False,
        ip_range=str(call.body.get("ip_range") or RANGE),
        description=str(call.body.get("description") or ""),
    )
    return Answer(201, {"vpc": _json(find(cloud, made))})


def list_all(cloud: Cloud, call: Call) -> Answer:
    return paged(call, "vpcs", cloud.database.all("SELECT * FROM vpcs ORDER BY created, id"), _json)


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"vpc": _json(find(cloud, call.args["vpc_id"]))})


def delete(cloud: Cloud, call: Call) -> Answer:
    row = find(cloud, call.args["vpc_id"])
    if row["is_default"]:
        raise Refusal(403, "forbidden", "Can not delete default VPCs")
    if cloud.database.count("SELECT count(*) FROM droplets WHERE vpc = ? AND deleted IS NULL", row["id"]):
        raise Refusal(403, "forbidden", "Can not delete VPC with members")
    cloud.database.run("DELETE FROM vpcs WHERE id = ?", row["id"])
    return Answer(204)


def place(cloud: Cloud, region: str, wanted: str) -> str:
    """The VPC of a new droplet: the one that was named, else the region's default."""
    if wanted:
        row = cloud.database.one("SELECT * FROM vpcs WHERE id = ? AND region = ?", wanted, region)
        if row is None:
            raise unprocessable("You specified an invalid VPC for Droplet creation.")
        return wanted
    row = cloud.database.one("SELECT id FROM vpcs WHERE region = ? AND is_default", region)
    return row["id"] if row else _make(cloud, f"default-{region}", region, default=True)


def find(cloud: Cloud, id: str) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM vpcs WHERE id = ?", id)
    if row is None:
        raise not_found()
    return row


def _make(
    cloud: Cloud, name: str, region: str, *, default: bool, ip_range: str = RANGE, description: str = ""
) -> str:
    id = str(uuid.uuid4())
    cloud.database.run(
        "INSERT INTO vpcs (id, name, region, ip_range, description, is_default, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        name,
        region,
        ip_range,
        description,
        int(default),
        cloud.clock(),
    )
    return id


def _json(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "urn": f"do:vpc:{row['id']}",
        "name": row["name"],
        "description": row["description"],
        "region": row["region"],
        "ip_range": row["ip_range"],
        "default": bool(row["is_default"]),
        "created_at": instant(row["created"]),
    }
