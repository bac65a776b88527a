"""DNS records: list, create, read, overwrite, edit, delete, by the rules of DNS and of Cloudflare."""

from __future__ import annotations

import ipaddress
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynia.twin.cloudflare.edge import (
    DNS_EDIT,
    Edge,
    Invalid,
    fresh_id,
    instant,
    paged,
    success,
    text_of,
)
from dynia.twin.exchange import Answer, Call, Json, Refusal

TYPES = ("A", "AAAA", "CAA", "CNAME", "TXT")
PROXIABLE = ("A", "AAAA", "CNAME")
COMMENT_LIMIT = 100  # of the free plan
_LABEL = re.compile(r"(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)")
_FILTERS = ("name", "type", "content", "proxied", "comment", "match")
_COMMENTS = ("present", "absent", "exact", "contains", "startswith", "endswith")
_PAGING = ("page", "per_page", "order", "direction")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record as it was asked for, checked. `data` is that of a CAA."""

    type: str
    name: str
    content: str
    data: Json
    ttl: int
    proxied: bool
    comment: str


def list_all(edge: Edge, call: Call) -> Answer:
    zone = edge.zone(call, DNS_EDIT)
    rows = edge.database.all("SELECT * FROM records WHERE zone = ? AND deleted IS NULL", zone["id"])
    kept = [row for row in rows if _matches(row, call.query)]
    by = call.query.get("order", "type")
    kept.sort(key=lambda row: (row[by], row["name"], row["content"]))
    if call.query.get("direction") == "desc":
        kept.reverse()
    return paged(call, kept, lambda row: _json(zone, row), per_page=100, least=1, most=5_000_000)


def create(edge: Edge, call: Call) -> Answer:
    zone = edge.zone(call, DNS_EDIT)
    wanted = _wanted(zone, call.body)
    _fits(edge, zone, wanted, "")
    id = fresh_id()
    edge.database.run(
        "INSERT INTO records (id, zone, type, name, content, data, ttl, proxied, comment, created, modified)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id,
        zone["id"],
        wanted.type,
        wanted.name,
        wanted.content,
        json.dumps(wanted.data),
        wanted.ttl,
        int(wanted.proxied),
        wanted.comment,
        edge.clock(),
        edge.clock(),
    )
    _publish(edge, zone, wanted.name)
    return success(_json(zone, _row(edge, zone, id)))


def get(edge: Edge, call: Call) -> Answer:
    zone = edge.zone(call, DNS_EDIT)
    return success(_json(zone, _row(edge, zone, call.args["dns_record_id"])))


def overwrite(edge: Edge, call: Call) -> Answer:
    """PUT: what is left out is as if the record were new."""
    zone = edge.zone(call, DNS_EDIT)
    row = _row(edge, zone, call.args["dns_record_id"])
    return _change(edge, zone, row, call.body)


def edit(edge: Edge, call: Call) -> Answer:
    """PATCH: what is left out stays."""
    zone = edge.zone(call, DNS_EDIT)
    row = _row(edge, zone, call.args["dns_record_id"])
    kept = {
        "type": row["type"],
        "name": row["name"],
        "ttl": row["ttl"],
        "comment": row["comment"],
        "proxied": bool(row["proxied"]),
    }
    kept |= {"data": json.loads(row["data"])} if row["type"] == "CAA" else {"content": row["content"]}
    return _change(edge, zone, row, {**kept, **call.body})


def delete(edge: Edge, call: Call) -> Answer:
    zone = edge.zone(call, DNS_EDIT)
    row = _row(edge, zone, call.args["dns_record_id"])
    edge.database.run("UPDATE records SET deleted = ? WHERE id = ?", edge.clock(), row["id"])
    _publish(edge, zone, row["name"])
    # The one success without the envelope's other keys.
    return Answer(200, {"result": {"id": row["id"]}})


def _change(edge: Edge, zone: sqlite3.Row, row: sqlite3.Row, body: Mapping[str, Any]) -> Answer:
    wanted = _wanted(zone, body)
    _fits(edge, zone, wanted, row["id"])
    edge.database.run(
        "UPDATE records SET type = ?, name = ?, content = ?, data = ?, ttl = ?, proxied = ?, comment = ?,"
        " modified = ? WHERE id = ?",
        wanted.type,
        wanted.name,
        wanted.content,
        json.dumps(wanted.data),
        wanted.ttl,
        int(wanted.proxied),
        wanted.comment,
        edge.clock(),
        row["id"],
    )
    _publish(edge, zone, row["name"])
    _publish(edge, zone, wanted.name)
    return success(_json(zone, _row(edge, zone, row["id"])))


def _wanted(zone: sqlite3.Row, body: Mapping[str, Any]) -> Wanted:
    """What a body asks for, or the rule that it breaks."""
    type, name = text_of(body, "type"), _name(zone, text_of(body, "name"))
    ttl, proxied, comment = body.get("ttl", 1), body.get("proxied", False), body.get("comment") or ""
    if type not in TYPES:
        raise Invalid(9004, f"DNS record type {type[:20]!r} is invalid.")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or (ttl != 1 and not 60 <= ttl <= 86400):
        raise Invalid(9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic.")
    if not isinstance(proxied, bool) or (proxied and type not in PROXIABLE):
        raise Invalid(9004, "This record type cannot be proxied.")
    if not isinstance(comment, str) or len(comment) > COMMENT_LIMIT:
        raise Invalid(9210, f"A comment has at most {COMMENT_LIMIT} characters.")
    data = body.get("data") if type == "CAA" else {}
    return Wanted(
        type=type,
        name=name,
        content=_content(type, name, text_of(body, "content"), data),
        data=data if isinstance(data, dict) else {},
        ttl=1 if proxied else ttl,
        proxied=proxied,
        comment=comment,
    )


def _name(zone: sqlite3.Row, given: str) -> str:
    """Whole, in lower case: ``@`` is the zone itself, and a name that is not below it is completed."""
    name = given.lower().rstrip(".")
    if not name.isascii():
        raise Invalid(9000, "DNS name is invalid: names are Punycode.")
    apex: str = zone["name"]
    name = apex if name == "@" else name
    whole = name if name == apex or name.endswith(f".{apex}") else f"{name}.{apex}"
    if not name or len(whole) > 255 or not all(map(_LABEL.fullmatch, whole.split("."))):
        raise Invalid(9000, "DNS name is invalid.")
    return whole


def _content(type: str, name: str, content: str, data: object) -> str:
    if type == "CAA":
        if not isinstance(data, dict) or not {"flags", "tag", "value"} <= data.keys():
            raise Invalid(9101, "data of a CAA record has flags, tag and value.")
        return f'{data["flags"]} {data["tag"]} "{data["value"]}"'
    if type == "TXT":
        if not 0 < len(content) <= 2048:
            raise Invalid(9207, "Content for TXT record is invalid.")
        return content
    if type == "CNAME":
        target = content.lower().rstrip(".")
        if not target or not target.isascii() or not all(map(_LABEL.fullmatch, target.split("."))):
            raise Invalid(9007, "Content for CNAME record is invalid.")
        if target == name:
            raise Invalid(9039, "A CNAME record cannot point to itself.")
        return target
    try:
        address = (ipaddress.IPv4Address if type == "A" else ipaddress.IPv6Address)(content)
    except ValueError as error:
        family = "IPv4" if type == "A" else "IPv6"
        text = f"Content for {type} record must be a valid {family} address."
        raise Invalid(9005 if type == "A" else 9006, text) from error
    return str(address)


def _fits(edge: Edge, zone: sqlite3.Row, wanted: Wanted, itself: str) -> None:
    """Beside what has the same name already."""
    for row in edge.database.all(
        "SELECT * FROM records WHERE zone = ? AND name = ? AND deleted IS NULL AND id <> ?",
        zone["id"],
        wanted.name,
        itself,
    ):
        if (row["type"], row["content"]) == (wanted.type, wanted.content):
            raise Refusal(400, "81058", "An identical record already exists.")
        if wanted.type == "CNAME" and row["type"] in PROXIABLE:
            raise Refusal(400, "81053", "An A, AAAA, or CNAME record with that host already exists.")
        if row["type"] == "CNAME" and wanted.type in ("A", "AAAA"):
            raise Refusal(400, "81054", "A CNAME record with that host already exists.")


def _row(edge: Edge, zone: sqlite3.Row, id: str) -> sqlite3.Row:
    row = edge.database.one(
        "SELECT * FROM records WHERE id = ? AND zone = ? AND deleted IS NULL", id, zone["id"]
    )
    if row is None:
        raise Refusal(404, "81044", "Record does not exist.")
    return row


def _publish(edge: Edge, zone: sqlite3.Row, name: str) -> None:
    """The zone's server has to be told about this name."""
    edge.database.run("INSERT OR IGNORE INTO unpublished (zone, name) VALUES (?, ?)", zone["name"], name)


def _matches(row: sqlite3.Row, query: Mapping[str, str]) -> bool:
    known = {*_FILTERS, *_PAGING, *(f"comment.{word}" for word in _COMMENTS)}
    strange = query.keys() - known
    if strange:
        raise Refusal(400, "1004", f"The twin does not know the filter {sorted(strange)[0]}.")
    asked = {name: text.lower() for name, text in query.items() if name not in (*_PAGING, "match")}
    comment: str = row["comment"].lower()
    answers = {
        "name": row["name"] == asked.get("name"),
        "type": row["type"].lower() == asked.get("type"),
        "content": row["content"].lower() == asked.get("content"),
        "proxied": ("true" if row["proxied"] else "false") == asked.get("proxied"),
        "comment": comment == asked.get("comment"),
        "comment.present": bool(comment),
        "comment.absent": not comment,
        "comment.exact": comment == asked.get("comment.exact"),
        "comment.contains": asked.get("comment.contains", "") in comment,
        "comment.startswith": comment.startswith(asked.get("comment.startswith", "")),
        "comment.endswith": comment.endswith(asked.get("comment.endswith", "")),
    }
    told = [answers[name] for name in asked]
    return any(told) if told and query.get("match") == "any" else all(told)


def _json(zone: sqlite3.Row, row: sqlite3.Row) -> Json:
    more: Json = {"data": json.loads(row["data"])} if row["type"] == "CAA" else {}
    if row["comment"]:
        more["comment"] = row["comment"]
    return {
        "id": row["id"],
        "type": row["type"],
        "name": row["name"],
        "content": row["content"],
        "proxiable": row["type"] in PROXIABLE,
        "proxied": bool(row["proxied"]),
        "ttl": row["ttl"],
        "tags": [],
        "meta": {},
        "created_on": instant(row["created"]),
        "modified_on": instant(row["modified"]),
        **more,
    }
