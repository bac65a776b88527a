"""What a cluster has on this machine and inside its nodes, seen past dynia: nothing twice, nothing left over."""

from __future__ import annotations

import json
from typing import Any

from dynia.providers.nodes.docker.lab import CONTAINER, KIND, NODE_NAME, ORDINAL
from tests.e2e.scratch import Scratch

INSIDE = """
echo "projects $(docker ps --all --format '{{.Label "com.docker.compose.project"}}' | sort -u | tr '\\n' ' ')"
echo "networks $(docker network ls --format '{{.Name}}' | sort | tr '\\n' ' ')"
echo "volumes $(docker volume ls --quiet | tr '\\n' ' ')"
echo "services $(ls -A /opt/dynia/services | tr '\\n' ' ')"
"""
FILES = "cd /opt/dynia && find . -type f ! -name node.env ! -path './caddy-data/*' -exec sha256sum {} + | sort -k 2"


def inspected(cluster: Scratch, *argv: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cluster.docker("inspect", *argv)) if argv else []
    return found


def machines(cluster: Scratch) -> list[tuple[int, str, str]]:
    """Ordinal, node name and container of every machine with the cluster's label; twins stay twins."""
    ids = cluster.docker("ps", "--all", "--quiet", "--no-trunc", *cluster.mine()).split()
    return sorted(
        (int(one["Config"]["Labels"][ORDINAL]), one["Config"]["Labels"][NODE_NAME], one["Name"].lstrip("/"))
        for one in inspected(cluster, *ids)
    )


def check_nothing_is_left(cluster: Scratch, *, nodes: int, services: tuple[str, ...]) -> None:
    """`nodes` machines, each once; of volumes only theirs and the reserved IP's; inside only `services`."""
    found = machines(cluster)
    assert len(found) == nodes, found
    assert len({ordinal for ordinal, _, _ in found}) == len({name for _, name, _ in found}) == nodes, found
    recorded = [n for n in cluster.state()["nodes"] if n["cluster"] == cluster.name]
    assert sorted((n["ordinal"], n["name"], n["providerId"]) for n in recorded) == found
    assert cluster.state()["intents"] == []
    volumes = cluster.docker("volume", "ls", "--quiet", *cluster.mine()).split()
    labels = [one["Labels"] for one in inspected(cluster, *volumes)]
    assert sorted(one.get(CONTAINER, "") for one in labels if one.get(KIND) == "node") == sorted(
        container for _, _, container in found
    ), labels
    assert [one[KIND] for one in labels if one[KIND] != "node"] == ["reserved-ip"], labels
    assert cluster.docker("network", "ls", "--quiet", *cluster.mine()).split() == []
    trees = set()
    for _, name, _ in found:
        inside = {line.split()[0]: line.split()[1:] for line in cluster.sh(name, INSIDE).splitlines() if line}
        assert inside["projects"] == sorted(("dynia-caddy", *(f"dynia-{one}" for one in services))), name
        mine = [one for one in inside["networks"] if one not in ("bridge", "host", "none", "dynia-caddy")]
        assert {one for one in mine if not one.endswith("_default")} <= {f"edge-{s}" for s in services}, name
        assert {one for one in mine if one.endswith("_default")} <= {f"dynia-{s}_default" for s in services}
        assert inside["volumes"] == [], name
        assert inside["services"] == sorted(services), name
        trees.add(cluster.sh(name, FILES))
    assert len(trees) == 1, f"the nodes' files differ: {trees}"
