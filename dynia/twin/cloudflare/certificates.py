"""Origin CA certificates: issue, list, read, revoke."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from dynia.twin.cloudflare import authority
from dynia.twin.cloudflare.edge import SSL_EDIT, Edge, success, text_of
from dynia.twin.exchange import Answer, Call, Json, Refusal

VALIDITIES = (7, 30, 90, 365, 730, 1095, 5475)


def create(edge: Edge, call: Call) -> Answer:
    hosts, request_type = call.body.get("hostnames"), text_of(call.body, "request_type")
    days = call.body.get("requested_validity", 5475)
    if not isinstance(hosts, list) or not hosts or not all(isinstance(host, str) for host in hosts):
        raise Refusal(400, "1010", "There are no hostnames.")
    if request_type not in authority.TYPES:
        raise Refusal(400, "1011", "The request_type must be origin-rsa or origin-ecc.")
    if days not in VALIDITIES or isinstance(days, bool):
        raise Refusal(400, "1012", f"The requested_validity must be one of {VALIDITIES}.")
    zones = {_zone(edge, call, host) for host in hosts}
    made = authority.sign(edge, text_of(call.body, "csr"), hosts, request_type, days)
    edge.database.run(
        "INSERT INTO certificates (id, zone, csr, hostnames, request_type, validity, certificate, expires,"
        " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        made.serial,
        min(zones),
        call.body["csr"],
        json.dumps(hosts),
        request_type,
        days,
        made.pem,
        made.expires,
        edge.clock(),
    )
    return success(_json(_row(edge, call, made.serial)))


def list_all(edge: Edge, call: Call) -> Answer:
    """Those of a zone; without one, of every zone that the token may."""
    zone = call.query.get("zone_id")
    names = [edge.zone(call, SSL_EDIT, zone)["name"]] if zone else _seen(edge, call)
    rows = edge.database.all("SELECT * FROM certificates WHERE revoked IS NULL ORDER BY created, id")
    return success([_json(row) for row in rows if row["zone"] in names])


def get(edge: Edge, call: Call) -> Answer:
    return success(_json(_row(edge, call, call.args["certificate_id"])))


def revoke(edge: Edge, call: Call) -> Answer:
    row = _row(edge, call, call.args["certificate_id"])
    edge.database.run("UPDATE certificates SET revoked = ? WHERE id = ?", edge.clock(), row["id"])
    return success({"id": row["id"]})


def _zone(edge: Edge, call: Call, host: str) -> str:
    """The zone that a host name belongs to, if the token may have certificates there."""
    name = host.removeprefix("*.").lower()
    for zone in _seen(edge, call):
        if name == zone or name.endswith(f".{zone}"):
            return zone
    raise Refusal(
        403, "1010", f"This zone is either not part of your account, or you do not have access: {host[:80]}"
    )


def _seen(edge: Edge, call: Call) -> list[str]:
    rows = edge.database.all("SELECT name FROM zones ORDER BY length(name) DESC, name")
    return [row["name"] for row in rows if edge.may(call.token, row["name"], SSL_EDIT)]


def _row(edge: Edge, call: Call, id: str) -> sqlite3.Row:
    row = edge.database.one("SELECT * FROM certificates WHERE id = ? AND revoked IS NULL", id)
    if row is None or not edge.may(call.token, row["zone"], SSL_EDIT):
        raise Refusal(404, "1101", "Failed to read certificate from Database")
    return row


def _json(row: sqlite3.Row) -> Json:
    expires = datetime.fromtimestamp(row["expires"], UTC)
    return {
        "id": row["id"],
        "certificate": row["certificate"],
        "csr": row["csr"],
        "hostnames": json.loads(row["hostnames"]),
        "expires_on": expires.strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        "request_type": row["request_type"],
        "requested_validity": row["validity"],
    }
