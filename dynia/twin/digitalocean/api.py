"""The routes of the API: which call needs which scope of the token, and who answers it."""

from __future__ import annotations

from collections.abc import Callable

from dynia.twin.digitalocean import (
    actions,
    catalogue,
    droplets,
    firewalls,
    keys,
    reserved_ips,
    tags,
    vpcs,
)
from dynia.twin.digitalocean.cloud import Cloud, paged
from dynia.twin.exchange import Answer, Call
from dynia.twin.routes import Route, Routes

Handler = Callable[[Cloud, Call], Answer]


def account(cloud: Cloud, call: Call) -> Answer:
    body = {
        "droplet_limit": cloud.quota.droplets,
        "floating_ip_limit": cloud.quota.reserved_ips,
        "email": "twin@example.com",
        "name": "The twin",
        "uuid": cloud.account,
        "email_verified": True,
        "status": "active",
        "status_message": "",
    }
    return Answer(200, {"account": body})


def regions(cloud: Cloud, call: Call) -> Answer:
    return paged(call, "regions", (*catalogue.REGIONS, *catalogue.CLOSED), catalogue.region_json)


def sizes(cloud: Cloud, call: Call) -> Answer:
    return paged(call, "sizes", catalogue.SIZES, catalogue.size_json)


def images(cloud: Cloud, call: Call) -> Answer:
    """All of them are public images of distributions: a private one or one with a tag there is not."""
    none = call.query.get("private") == "true" or call.query.get("tag_name") or call.query.get("tag")
    listed = () if none or call.query.get("type") == "application" else tuple(catalogue.IMAGES)
    return paged(call, "images", listed, catalogue.image_json)


def _routes() -> tuple[Route[Cloud], ...]:
    firewall, reserved, droplet = (
        "/v2/firewalls/{firewall_id}",
        "/v2/reserved_ips/{reserved_ip}",
        "/v2/droplets/{droplet_id}",
    )
    key = "/v2/account/keys/{ssh_key_identifier}"
    table: tuple[tuple[str, str, str, Handler], ...] = (
        ("GET", "/v2/account", "account:read", account),
        ("GET", "/v2/account/keys", "ssh_key:read", keys.list_all),
        ("POST", "/v2/account/keys", "ssh_key:create", keys.create),
        ("GET", key, "ssh_key:read", keys.get),
        ("DELETE", key, "ssh_key:delete", keys.delete),
        ("GET", "/v2/actions/{action_id}", "actions:read", actions.get),
        ("GET", "/v2/droplets", "droplet:read", droplets.list_all),
        ("POST", "/v2/droplets", "droplet:create", droplets.create),
        ("DELETE", "/v2/droplets", "droplet:delete", droplets.delete_tagged),
        ("GET", droplet, "droplet:read", droplets.get),
        ("DELETE", droplet, "droplet:delete", droplets.delete),
        ("POST", f"{droplet}/actions", "droplet:update", droplets.act),
        ("GET", f"{droplet}/actions/{{action_id}}", "droplet:read", actions.get),
        ("GET", "/v2/reserved_ips", "reserved_ip:read", reserved_ips.list_all),
        ("POST", "/v2/reserved_ips", "reserved_ip:create", reserved_ips.create),
        ("GET", reserved, "reserved_ip:read", reserved_ips.get),
        ("DELETE", reserved, "reserved_ip:delete", reserved_ips.delete),
        ("GET", f"{reserved}/actions", "reserved_ip:read", reserved_ips.list_actions),
        ("POST", f"{reserved}/actions", "reserved_ip:update", reserved_ips.act),
        ("GET", f"{reserved}/actions/{{action_id}}", "reserved_ip:read", actions.get),
        ("GET", "/v2/tags", "tag:read", tags.list_all),
        ("POST", "/v2/tags", "tag:create", tags.create),
        ("GET", "/v2/tags/{tag_id}", "tag:read", tags.get),
        ("DELETE", "/v2/tags/{tag_id}", "tag:delete", tags.delete),
        ("POST", "/v2/tags/{tag_id}/resources", "tag:create", tags.mark),
        ("DELETE", "/v2/tags/{tag_id}/resources", "tag:delete", tags.unmark),
        ("GET", "/v2/firewalls", "firewall:read", firewalls.list_all),
        ("POST", "/v2/firewalls", "firewall:create", firewalls.create),
        ("GET", firewall, "firewall:read", firewalls.get),
        ("PUT", firewall, "firewall:update", firewalls.replace),
        ("DELETE", firewall, "firewall:delete", firewalls.delete),
        ("POST", f"{firewall}/droplets", "firewall:update", firewalls.add("droplet_ids")),
        ("DELETE", f"{firewall}/droplets", "firewall:update", firewalls.remove("droplet_ids")),
        ("POST", f"{firewall}/tags", "firewall:update", firewalls.add("tags")),
        ("DELETE", f"{firewall}/tags", "firewall:update", firewalls.remove("tags")),
        ("GET", "/v2/vpcs", "vpc:read", vpcs.list_all),
        ("POST", "/v2/vpcs", "vpc:create", vpcs.create),
        ("GET", "/v2/vpcs/{vpc_id}", "vpc:read", vpcs.get),
        ("DELETE", "/v2/vpcs/{vpc_id}", "vpc:delete", vpcs.delete),
        ("GET", "/v2/regions", "regions:read", regions),
        ("GET", "/v2/sizes", "sizes:read regions:read", sizes),
        ("GET", "/v2/images", "image:read", images),
    )
    return tuple(
        Route(method, path, tuple(scopes.split()), handler) for method, path, scopes, handler in table
    )


ROUTES = _routes()
ROUTING = Routes(ROUTES)
