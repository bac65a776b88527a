"""The metadata service: what a droplet learns about itself at http://169.254.169.254/metadata/v1/.

Whoever asks is known by the address that the question comes from, as there; no token, no limit, no log.
"""

from __future__ import annotations

import json
import sqlite3

from dynia.twin.digitalocean.cloud import Cloud
from dynia.twin.exchange import Json

ROOT = "/metadata/v1"


def answer(cloud: Cloud, asker: str, path: str) -> str | None:
    """The text at a path below ROOT for the droplet that has the address `asker`; None: there is no such."""
    row = cloud.database.one("SELECT * FROM droplets WHERE public_ip = ? AND deleted IS NULL", asker)
    if row is None:
        return None
    about = _about(cloud, row)
    if path == ".json":
        return json.dumps(about)
    value: object = _tree(about)
    for word in [word for word in path.split("/") if word]:
        if not isinstance(value, dict) or word not in value:
            return None
        value = value[word]
    if isinstance(value, dict):
        return "\n".join(f"{name}/" if isinstance(one, dict) else name for name, one in value.items())
    return str(value)


def _about(cloud: Cloud, row: sqlite3.Row) -> Json:
    owned = cloud.database.one(
        "SELECT ip FROM reserved_ips WHERE droplet = ? AND released IS NULL", row["id"]
    )
    reserved = {"active": True, "ip_address": owned["ip"]} if owned else {"active": False}
    worn = cloud.database.all("SELECT tag FROM droplet_tags WHERE droplet = ? ORDER BY rowid", row["id"])
    public = {
        "ipv4": {"ip_address": row["public_ip"], "netmask": "255.255.255.0"},
        "anchor_ipv4": {"ip_address": row["anchor_ip"], "netmask": "255.255.255.192"},
        "type": "public",
    }
    private = {
        "ipv4": {"ip_address": row["private_ip"], "netmask": "255.255.255.192"},
        "type": "private",
    }
    return {
        "droplet_id": row["id"],
        "hostname": row["name"],
        "public_keys": json.loads(row["public_keys"]),
        "region": row["region"],
        "interfaces": {"private": [private], "public": [public]},
        "reserved_ip": {"ipv4": reserved},
        "floating_ip": {"ipv4": reserved},
        "tags": [one["tag"] for one in worn],
    }


def _tree(about: Json) -> Json:
    """The same as folders and texts. Of an interface `ip_address` is called `address` here."""
    interfaces = {
        kind: {str(at): _interface(one) for at, one in enumerate(listed)}
        for kind, listed in about["interfaces"].items()
    }
    return {
        "id": about["droplet_id"],
        "hostname": about["hostname"],
        "public-keys": "\n".join(about["public_keys"]),
        "region": about["region"],
        "interfaces": interfaces,
        **{name: {"ipv4": _words(about[name]["ipv4"])} for name in ("reserved_ip", "floating_ip")},
        "tags": "\n".join(about["tags"]),
    }


def _interface(one: Json) -> Json:
    named = {
        name: {"address": part["ip_address"], "netmask": part["netmask"]}
        for name, part in one.items()
        if isinstance(part, dict)
    }
    return {**named, "type": one["type"]}


def _words(ipv4: Json) -> Json:
    return {**ipv4, "active": "true" if ipv4["active"] else "false"}
