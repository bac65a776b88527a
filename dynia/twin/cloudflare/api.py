"""The routes of the API, and who answers each."""

from __future__ import annotations

import hashlib

from dynia.twin.cloudflare import certificates, records, zones
from dynia.twin.cloudflare.edge import DNS_EDIT, SSL_EDIT, ZONE_READ, Edge, Handler, success
from dynia.twin.exchange import Answer, Call
from dynia.twin.routes import Route, Routes

BASE = "/client/v4"
VERIFY, IPS = f"GET {BASE}/user/tokens/verify", f"GET {BASE}/ips"


def verify(edge: Edge, call: Call) -> Answer:
    """Only a token that is known comes here."""
    id = hashlib.sha256(call.token.encode()).hexdigest()[:32]
    return success({"id": id, "status": "active"})


def ips(edge: Edge, call: Call) -> Answer:
    """Cloudflare's published networks: from them its proxy comes."""
    etag = hashlib.sha256(" ".join(edge.networks).encode()).hexdigest()[:32]
    return success(
        {
            "ipv4_cidrs": [one for one in edge.networks if ":" not in one],
            "ipv6_cidrs": [one for one in edge.networks if ":" in one],
            "etag": etag,
        }
    )


def _routes() -> tuple[Route[Edge], ...]:
    zone = "/zones/{zone_id}"
    listed, record = f"{zone}/dns_records", f"{zone}/dns_records/{{dns_record_id}}"
    certificate = "/certificates/{certificate_id}"
    table: tuple[tuple[str, str, str, Handler], ...] = (
        ("GET", "/zones", ZONE_READ, zones.list_all),
        ("GET", zone, ZONE_READ, zones.get),
        ("GET", listed, DNS_EDIT, records.list_all),
        ("POST", listed, DNS_EDIT, records.create),
        ("GET", record, DNS_EDIT, records.get),
        ("PUT", record, DNS_EDIT, records.overwrite),
        ("PATCH", record, DNS_EDIT, records.edit),
        ("DELETE", record, DNS_EDIT, records.delete),
        ("GET", "/certificates", SSL_EDIT, certificates.list_all),
        ("POST", "/certificates", SSL_EDIT, certificates.create),
        ("GET", certificate, SSL_EDIT, certificates.get),
        ("DELETE", certificate, SSL_EDIT, certificates.revoke),
        ("GET", "/user/tokens/verify", "", verify),
        ("GET", "/ips", "", ips),
    )
    return tuple(
        Route(method, BASE + path, (scope,) if scope else (), handler)
        for method, path, scope, handler in table
    )


ROUTES = _routes()
ROUTING = Routes(ROUTES)
