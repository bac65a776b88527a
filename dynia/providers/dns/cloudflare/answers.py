"""What Cloudflare's answers must have: no more than this package reads of them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Info(TypedDict):
    total_count: int


class Zone(TypedDict):
    id: str
    name: str


class Zones(TypedDict):
    result: list[Zone]
    result_info: Info


class Record(TypedDict):
    id: str
    name: str
    type: str
    content: NotRequired[str | None]
    proxied: NotRequired[bool | None]
    comment: NotRequired[str | None]


class Records(TypedDict):
    result: list[Record]
    result_info: Info


class OneRecord(TypedDict):
    result: Record


class Certificate(TypedDict):
    id: str
    certificate: NotRequired[str | None]
    hostnames: NotRequired[list[str] | None]


class MaybeInfo(TypedDict):
    total_count: NotRequired[int | None]


class Certificates(TypedDict):
    result: list[Certificate] | None
    result_info: NotRequired[MaybeInfo | None]


SHAPES: dict[str, Any] = {
    "dns.records.get": OneRecord,
    "dns.records.list": Records,
    "origin_ca_certificates.list": Certificates,
    "zones.list": Zones,
}
