"""What DigitalOcean's answers must have: no more than this package reads of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from dynia.providers.answers import Ipv4

# A host name, as DigitalOcean takes it.
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]{1,255}(?![\s\S])")]


class Meta(TypedDict):
    total: int


class Pages(TypedDict):
    next: NotRequired[str | None]


class Links(TypedDict):
    pages: NotRequired[Pages | None]


class Listed(TypedDict):
    meta: Meta
    links: NotRequired[Links | None]


class Address(TypedDict):
    type: str
    ip_address: Ipv4


class Networks(TypedDict):
    v4: list[Address]


class Price(TypedDict):
    price_monthly: float


class Droplet(TypedDict):
    id: int
    name: Name
    status: Literal["new", "active", "off", "archive"]
    locked: bool
    tags: list[str]
    networks: Networks
    size: Price


class Droplets(Listed):
    droplets: list[Droplet]


class Slug(TypedDict):
    slug: NotRequired[str | None]


class Made(Slug):
    id: NotRequired[int]


class WholeDroplet(Droplet):
    size_slug: NotRequired[str]
    region: NotRequired[Slug]
    image: NotRequired[Made]
    vpc_uuid: NotRequired[str]


class OneDroplet(TypedDict):
    droplet: WholeDroplet


class Id(TypedDict):
    id: int


class Begun(TypedDict):
    actions: list[Id]


class MadeDroplet(TypedDict):
    droplet: Id
    links: Begun


class Action(TypedDict):
    id: int
    status: str


class OneAction(TypedDict):
    action: Action


class ReservedIp(TypedDict):
    ip: Ipv4
    locked: bool
    droplet: Id | None


class ReservedIps(Listed):
    reserved_ips: list[ReservedIp]


class WholeReservedIp(ReservedIp):
    region: NotRequired[Slug]


class OneReservedIp(TypedDict):
    reserved_ip: WholeReservedIp


class Ip(TypedDict):
    ip: Ipv4


class MadeReservedIp(TypedDict):
    reserved_ip: Ip
    links: Begun


class Tag(TypedDict):
    name: str


class Tags(Listed):
    tags: list[Tag]


class Region(TypedDict):
    slug: str
    available: bool


class Regions(Listed):
    regions: list[Region]


class Size(TypedDict):
    slug: str
    available: bool
    regions: list[str]
    price_monthly: float


class Sizes(Listed):
    sizes: list[Size]


class Image(TypedDict):
    id: int
    slug: NotRequired[str | None]


class Images(Listed):
    images: list[Image]


class Firewall(TypedDict):
    id: str
    name: str
    droplet_ids: NotRequired[list[int] | None]
    tags: NotRequired[list[str] | None]


class Firewalls(Listed):
    firewalls: list[Firewall]


class Account(TypedDict):
    status: str
    email: str
    droplet_limit: int
    floating_ip_limit: int


class OneAccount(TypedDict):
    account: Account


SHAPES: dict[str, Any] = {
    "account.get": OneAccount,
    "droplet_actions.get": OneAction,
    "droplet_actions.post": OneAction,
    "droplets.create": MadeDroplet,
    "droplets.get": OneDroplet,
    "droplets.list": Droplets,
    "firewalls.list": Firewalls,
    "images.list": Images,
    "regions.list": Regions,
    "reserved_ips.create": MadeReservedIp,
    "reserved_ips.get": OneReservedIp,
    "reserved_ips.list": ReservedIps,
    "reserved_ips_actions.get": OneAction,
    "reserved_ips_actions.post": OneAction,
    "sizes.list": Sizes,
    "tags.list": Tags,
}
