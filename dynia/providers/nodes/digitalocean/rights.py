"""May the token make what an apply makes? Asked before the first of it.

The API has no call that tells a token's scopes. So each create is asked for something that does not exist: a
token without the scope is told 403, one that has it that there is no such thing; nothing is made either way.
"""

from __future__ import annotations

from dynia.providers.nodes.digitalocean.vendor import Vendor
from dynia.providers.vendor_calls import Json, VendorRefused

NONE = "dynia-asks"
PROBES: tuple[tuple[str, str, Json], ...] = (
    ("droplet:create", "droplets.create", {"body": {"name": NONE, "size": NONE, "image": NONE}}),
    ("reserved_ip:create", "reserved_ips.create", {"body": {"region": NONE}}),
    (
        "tag:create",
        "tags.assign_resources",
        {"tag_id": NONE, "body": {"resources": [{"resource_id": "0", "resource_type": "droplet"}]}},
    ),
)


async def check_rights(vendor: Vendor) -> None:
    """Raises VendorRefused with the scope that the token lacks."""
    for scope, call, arguments in PROBES:
        try:
            await vendor.ask(scope, call, **arguments)
        except VendorRefused as error:
            if error.status in (401, 403):
                raise
