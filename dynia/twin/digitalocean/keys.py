"""SSH keys of the account, found by number or by MD5 fingerprint."""

from __future__ import annotations

import base64
import binascii
import hashlib
import sqlite3

from dynia.twin.digitalocean.cloud import Cloud, not_found, paged, unprocessable
from dynia.twin.exchange import Answer, Call, Json


def create(cloud: Cloud, call: Call) -> Answer:
    name, public = str(call.body.get("name") or ""), str(call.body.get("public_key") or "")
    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, binascii.Error):
        blob = b""
    if not name or not blob:
        raise unprocessable("Key invalid, key should be of the format `ssh-rsa AAAA...`")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    if cloud.database.one("SELECT 1 FROM keys WHERE fingerprint = ?", fingerprint):
        raise unprocessable("SSH Key is already in use on your account")
    made = cloud.database.run(
        "INSERT INTO keys (name, public_key, fingerprint) VALUES (?, ?, ?)", name, public, fingerprint
    )
    return Answer(201, {"ssh_key": _json(_find(cloud, made))})


def list_all(cloud: Cloud, call: Call) -> Answer:
    return paged(call, "ssh_keys", cloud.database.all("SELECT * FROM keys ORDER BY id"), _json)


def get(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"ssh_key": _json(_find(cloud, call.args["ssh_key_identifier"]))})


def delete(cloud: Cloud, call: Call) -> Answer:
    row = _find(cloud, call.args["ssh_key_identifier"])
    cloud.database.run("DELETE FROM keys WHERE id = ?", row["id"])
    return Answer(204)


def public_key(cloud: Cloud, named: object) -> str:
    """The key that a new droplet shall accept, named by number or fingerprint."""
    row = cloud.database.one("SELECT * FROM keys WHERE fingerprint = ? OR id = ?", str(named), named)
    if row is None:
        raise unprocessable(f"{named} are invalid key identifiers for Droplet creation.")
    return str(row["public_key"])


def _find(cloud: Cloud, named: object) -> sqlite3.Row:
    text = str(named)
    row = cloud.database.one("SELECT * FROM keys WHERE fingerprint = ? OR CAST(id AS TEXT) = ?", text, text)
    if row is None:
        raise not_found()
    return row


def _json(row: sqlite3.Row) -> Json:
    return {name: row[name] for name in ("id", "name", "public_key", "fingerprint")}
