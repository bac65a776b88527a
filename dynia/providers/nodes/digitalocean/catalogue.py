"""Is what was ordered for sale there, and does the account have room? Asked before anything is made."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.vendor_calls import Json


class NotForSale(DyniaError):
    """What was ordered is not offered there."""


class Wanted(Shape):
    """A kind of droplet, in DigitalOcean's words. `image` is a slug, or the number of one's own."""

    size: str
    image: str
    region: str


async def check_wanted(vendor: Vendor, wanted: Wanted) -> float:
    """The price of one a month, in US dollars. Unknown names are told with near ones."""
    regions = {one["slug"]: one for one in await vendor.pages("regions:read", "regions.list", "regions")}
    region = regions.get(wanted.region)
    if region is None or not region["available"]:
        open_ones = [slug for slug, one in regions.items() if one["available"]]
        raise _unknown("region", wanted.region, open_ones, known=region is not None)
    sizes = {one["slug"]: one for one in await vendor.pages("sizes:read", "sizes.list", "sizes")}
    here = [slug for slug, one in sizes.items() if one["available"] and wanted.region in one["regions"]]
    if wanted.size not in here:
        by_price = sorted(here, key=lambda slug: (sizes[slug]["price_monthly"], slug))
        raise _unknown("size", wanted.size, by_price, known=wanted.size in sizes, place=wanted.region)
    if not wanted.image.isdigit():
        listed = await vendor.pages("image:read", "images.list", "images", type="distribution")
        images = [str(one["slug"]) for one in listed if one.get("slug")]
        if wanted.image not in images:
            raise _unknown("image", wanted.image, images, known=False)
    return float(sizes[wanted.size]["price_monthly"])


async def open_account(vendor: Vendor) -> Json:
    """The account, which must not be locked."""
    account: Json = (await vendor.ask("account:read", "account.get"))["account"]
    if account["status"] == "locked":
        raise DyniaError(
            f"DigitalOcean has locked the account {account['email']}: {account.get('status_message', '')}",
            hint="see the control panel",
        )
    return account


async def check_room(vendor: Vendor, *, droplets: int = 0, addresses: int = 0) -> None:
    """Raise unless the account may have so many more of each."""
    account = await open_account(vendor)
    for more, limit, what, scope, call in (
        (droplets, account["droplet_limit"], "droplets", "droplet:read", "droplets.list"),
        (addresses, account["floating_ip_limit"], "reserved IPs", "reserved_ip:read", "reserved_ips.list"),
    ):
        if not more:
            continue
        has = total(await vendor.ask(scope, call, per_page=1, page=1))
        if has + more > limit:
            raise DyniaError(
                f"DigitalOcean: {more} more {what} would make {has + more}, and the account may have {limit}",
                hint="delete what is not needed, or ask DigitalOcean for a higher limit",
            )


def total(page: Json) -> int:
    return int(page["meta"]["total"])


def _unknown(what: str, wanted: str, offered: Iterable[str], *, known: bool, place: str = "") -> NotForSale:
    offered = list(offered)
    near = difflib.get_close_matches(wanted, offered, n=4, cutoff=0.4) or offered[:4]
    there = f" in {place}" if place else ""
    problem = f"is not offered{there} now" if known else "is unknown"
    return NotForSale(
        f"DigitalOcean: {what} {wanted or '(none given)'} {problem}",
        hint=f"near it{there}: {', '.join(near)}",
    )
