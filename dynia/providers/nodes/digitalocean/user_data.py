"""What a new droplet is told at its first boot: its host key, and who may log in."""

from __future__ import annotations

import json

from dynia.providers.protocols import NodeOrder

LIMIT = 64 * 1024


def user_data(order: NodeOrder) -> str:
    """cloud-config. JSON is YAML, and quotes whatever a key's comment may hold.

    The one host key that cloud-init (module ``ssh``) then has is the pinned one; it makes none of its own.
    """
    config = {
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": order.host_private_key,
            "ed25519_public": order.host_public_key,
        },
        "ssh_authorized_keys": [order.authorized_key],
        "disable_root": False,
        "ssh_pwauth": False,
    }
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"
