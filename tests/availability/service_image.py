"""The image of the service under the load, made once and named by what it is made of."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from dynia.providers.nodes.docker.images import base_image

HERE = Path(__file__).parent
DOCKERFILE, SERVICE = HERE / "service.Dockerfile", HERE / "service.py"
SECONDS = 600


def service_image() -> str:
    """Its tag; where this machine lacks it, it is built first (on the base that the lab's nodes are built on)."""
    base = base_image()
    made_of = base.encode() + DOCKERFILE.read_bytes() + SERVICE.read_bytes()
    tag = f"dynia-lab/availability:{hashlib.sha256(made_of).hexdigest()[:12]}"
    if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode:
        built = subprocess.run(
            [
                *("docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE={base}"),
                *("--tag", tag, "--file", str(DOCKERFILE), str(HERE)),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert built.returncode == 0, f"{tag}: {built.stderr}"
    return tag
