"""What DigitalOcean says before anything is made: for sale, at which price, with room, nothing in the way."""

from __future__ import annotations

from dynia.interfaces.observed import Offer
from dynia.providers.nodes.digitalocean.catalogue import (
    NotForSale,
    Wanted,
    check_wanted,
    open_account,
    total,
)
from dynia.providers.nodes.digitalocean.droplets import Droplets
from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.vendor_calls import Json


class Offers:
    """The catalogue is asked once a run; the account and what stands in it every time."""

    def __init__(self, vendor: Vendor, droplets: Droplets) -> None:
        self._vendor, self._droplets = vendor, droplets
        self._known: dict[Wanted, Offer] = {}

    async def ask(self, lineage: str, cluster: str, wanted: Wanted) -> Offer:
        if wanted not in self._known:
            self._known[wanted] = await self._sold(wanted)
        sold = self._known[wanted]
        account = await open_account(self._vendor)
        droplets = total(await self._vendor.ask("droplet:read", "droplets.list", per_page=1, page=1))
        addresses = total(await self._vendor.ask("reserved_ip:read", "reserved_ips.list", per_page=1, page=1))
        ours = [droplet for droplet, _ in await self._droplets.find(lineage, cluster)]
        walls = await self._vendor.pages("firewall:read", "firewalls.list", "firewalls") if ours else []
        return Offer(
            refusal=sold.refusal,
            hint=sold.hint,
            monthly=sold.monthly,
            room=int(account["droplet_limit"]) - droplets,
            address_room=int(account["floating_ip_limit"]) - addresses,
            paid={str(one["id"]): float(one["size"]["price_monthly"]) for one in ours},
            walls=tuple((one["name"], wall["name"]) for one in ours for wall in walls if _before(wall, one)),
        )

    async def _sold(self, wanted: Wanted) -> Offer:
        try:
            return Offer(monthly=await check_wanted(self._vendor, wanted))
        except NotForSale as error:
            return Offer(refusal=error.message, hint=error.hint)


def _before(wall: Json, droplet: Json) -> bool:
    return droplet["id"] in (wall.get("droplet_ids") or ()) or bool(
        {*(wall.get("tags") or ())} & {*droplet["tags"]}
    )
