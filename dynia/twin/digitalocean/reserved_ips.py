"""Reserved IPs: allocated, assigned and unassigned by actions, released; `locked` while one is pending."""

from __future__ import annotations

import sqlite3

from dynia.twin.digitalocean import actions, catalogue, droplets
from dynia.twin.digitalocean.cloud import Cloud, not_found, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json

PENDING = "The reserved IP has a pending event."


def create(cloud: Cloud, call: Call) -> Answer:
    """To a droplet or to a region, never both. With a droplet it has none until the action completed."""
    body = call.body
    if ("droplet_id" in body) == ("region" in body):
        raise unprocessable("Either a droplet_id or a region is required.")
    droplet = droplets.find(cloud, str(body["droplet_id"])) if "droplet_id" in body else None
    region = droplet["region"] if droplet else body["region"]
    if region not in catalogue.REGIONS:
        raise unprocessable("Region is invalid.")
    if cloud.database.count("SELECT count(*) FROM reserved_ips WHERE released IS NULL") >= (
        cloud.quota.reserved_ips
    ):
        raise unprocessable("You have reached your reserved IP limit.")
    if droplet:
        _check_free(cloud, droplet["id"])
    number = cloud.database.count("SELECT coalesce(max(id), 0) + 1 FROM reserved_ips")
    made = cloud.database.run(
        "INSERT INTO reserved_ips (id, ip, region, created) VALUES (?, ?, ?, ?)",
        number,
        cloud.bodies.reserved_ip(number),
        region,
        cloud.clock(),
    )
    links: Json = {}
    if droplet:
        begun = cloud.begin("assign_ip", region, droplet=droplet["id"], reserved_ip=made)
        href = f"{call.base}/v2/droplets/{droplet['id']}"
        links = {
            "droplets": [{"id": droplet["id"], "rel": "droplet", "href": href}],
            "actions": [actions.link(call, begun, "assign_ip")],
        }
    return Answer(202, {"reserved_ip": as_json(cloud, _by_id(cloud, made)), "links": links})


def list_all(cloud: Cloud, call: Call) -> Answer:
    rows = cloud.database.all("SELECT * FROM reserved_ips WHERE released IS NULL ORDER BY id")
    return paged(call, "reserved_ips", rows, lambda row: as_json(cloud, row))


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"reserved_ip": as_json(cloud, find(cloud, call.args["reserved_ip"]))})


def delete(cloud: Cloud, call: Call) -> Answer:
    row = find(cloud, call.args["reserved_ip"])
    if _pending(cloud, row["id"]):
        raise unprocessable(PENDING)
    cloud.database.run(
        "UPDATE reserved_ips SET released = ?, droplet = NULL WHERE id = ?", cloud.clock(), row["id"]
    )
    return Answer(204)


def list_actions(cloud: Cloud, call: Call) -> Answer:
    row = find(cloud, call.args["reserved_ip"])
    rows = cloud.database.all("SELECT * FROM actions WHERE reserved_ip = ? ORDER BY id DESC", row["id"])
    return paged(call, "actions", rows, lambda one: actions.as_json(cloud, one))


def act(cloud: Cloud, call: Call) -> Answer:
    """Requests say `assign`, actions say `assign_ip`."""
    row, type = find(cloud, call.args["reserved_ip"]), call.body.get("type")
    if type not in ("assign", "unassign"):
        raise unprocessable("type must be assign or unassign")
    if _pending(cloud, row["id"]):
        raise unprocessable(PENDING)
    if type == "unassign":
        if row["droplet"] is None:
            raise unprocessable("The reserved IP is not assigned.")
        begun = cloud.begin("unassign_ip", row["region"], droplet=row["droplet"], reserved_ip=row["id"])
    else:
        droplet = droplets.find(cloud, str(call.body.get("droplet_id", "")))
        if droplet["region"] != row["region"]:
            raise unprocessable("The Droplet is not in the region of the reserved IP.")
        if droplet["id"] == row["droplet"]:
            raise unprocessable("The reserved IP is already assigned to this Droplet.")
        _check_free(cloud, droplet["id"])
        begun = cloud.begin("assign_ip", row["region"], droplet=droplet["id"], reserved_ip=row["id"])
    return Answer(201, {"action": actions.as_json(cloud, actions.row(cloud, begun))})


def find(cloud: Cloud, ip: str) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM reserved_ips WHERE ip = ? AND released IS NULL", ip)
    if row is None:
        raise not_found()
    return row


def as_json(cloud: Cloud, row: sqlite3.Row) -> Json:
    owner = (
        cloud.database.one("SELECT * FROM droplets WHERE id = ?", row["droplet"]) if row["droplet"] else None
    )
    return {
        "ip": row["ip"],
        "droplet": droplets.as_json(cloud, owner) if owner else None,
        "region": catalogue.region_json(row["region"]),
        "locked": _pending(cloud, row["id"]),
        "project_id": cloud.account,
    }


def _by_id(cloud: Cloud, id: int) -> sqlite3.Row:
    row = cloud.database.one("SELECT * FROM reserved_ips WHERE id = ?", id)
    if row is None:
        raise not_found()
    return row


def _pending(cloud: Cloud, id: int) -> bool:
    return bool(
        cloud.database.count(
            "SELECT count(*) FROM actions WHERE reserved_ip = ? AND status = 'in-progress'", id
        )
    )


def _check_free(cloud: Cloud, droplet: int) -> None:
    """A droplet has one reserved IP at most, one that is on its way to it included."""
    if cloud.database.count(
        "SELECT count(*) FROM reserved_ips WHERE droplet = ? AND released IS NULL", droplet
    ) or cloud.database.count(
        "SELECT count(*) FROM actions WHERE droplet = ? AND type = 'assign_ip' AND status = 'in-progress'",
        droplet,
    ):
        raise unprocessable("The Droplet already has a reserved IP.")
