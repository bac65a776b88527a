"""What a new droplet is told at its first boot: its host key, and who may log in."""

from __future__ import annotations

import json

from dynia.providers.protocols import NodeOrder


def user_data(order: NodeOrder) -> str:
    """cloud-config, as JSON: that is YAML too. Keys go without their comments, which may hold anything.

    The one host key that cloud-init (module ``ssh``) then has is the pinned one; it makes none of its own.
    """
    config = {
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": order.host_private_key,
            "ed25519_public": _bare(order.host_public_key),
        },
        "ssh_authorized_keys": [_bare(order.authorized_key)],
        "disable_root": False,
        "ssh_pwauth": False,
    }
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"


def _bare(public: str) -> str:
    return " ".join(public.split()[:2])
