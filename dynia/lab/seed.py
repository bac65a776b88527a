"""What a droplet finds at its first boot: cloud-init's seed (NoCloud), and its addresses, as a tar.

It travels on stdin, so that no secret is in an argument, in the environment or in `docker inspect`.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping

from dynia.twin.digitalocean.bodies import Machine

SEED = "var/lib/cloud/seed/nocloud"


def droplet_seed(machine: Machine, around: Mapping[str, str]) -> bytes:
    """The tar to unpack at the root of a container that was not started yet."""
    about = {
        "instance-id": f"droplet-{machine.id}",
        "local-hostname": machine.name,
        "public-keys": list(machine.public_keys),
    }
    files = {
        f"{SEED}/meta-data": json.dumps(about),
        f"{SEED}/user-data": machine.user_data or "#cloud-config\n{}\n",
        "etc/lab/droplet.env": "".join(f"{name}={value}\n" for name, value in around.items()),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("var/lib/cloud/seed", SEED, "etc/lab"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
