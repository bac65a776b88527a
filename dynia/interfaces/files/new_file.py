"""A first clusters.yaml: right as it is, and commented for whoever goes on with it."""

from __future__ import annotations

from dynia.interfaces.files.yaml_write import block

_HEAD = """\
# What is wanted; nothing else decides. `dynia plan` shows what would change, `dynia apply` does it.
# `dynia validate` checks this file, `dynia schema` prints every key that it may have.
clusters:
"""
_ENTRY = "    # entry: {}   # the reserved IP, which moves to a node that works; none: there is none"
_CLUSTER = """\
    # rollout: {max_unavailable: 1, canary: true, health_timeout: 60s, drain_timeout: 30s}
    # firewall: {ssh: [203.0.113.0/24], http: any}
"""
_SERVICE = """\
        # target: web:8080         # container:port, where the compose file leaves a choice
        # health: {path: /healthz}
        # env: {LOG_LEVEL: info}   # for ${VAR} in the compose file
"""
_NO_SERVICE = """\
    # dynia deploy --name web --compose ./compose.yaml --domain example.com
    services: {}
"""


def new_file(name: str, cluster: dict[str, object], services: dict[str, dict[str, object]] | None) -> bytes:
    """The text of a file with one cluster, as UTF-8. `services` by name; None: none yet."""
    text = _HEAD + "\n".join(
        [f"  {name}:", *(line for key, value in cluster.items() for line in _entry(key, value))]
    )
    # hosts that exist do not say which address of theirs is free
    vip = "{kind: vip, address: 10.0.0.10}" if isinstance(cluster["nodes"], list) else "{kind: vip}"
    text += "\n" + _ENTRY.replace("{}", vip) + "\n" + _CLUSTER
    if not services:
        return (text + _NO_SERVICE).encode()
    said = {key for entry in services.values() for key in entry}
    hints = [line for line in _SERVICE.splitlines() if line.split()[1].rstrip(":") not in said]
    return "\n".join([text.rstrip("\n"), *block("services", services, 4, 2), *hints, ""]).encode()


def _entry(key: str, value: object) -> list[str]:
    """Hosts stand one on a line."""
    if isinstance(value, list):
        from dynia.interfaces.files.yaml_write import flow

        return [f"    {key}:", *(f"      - {flow(item)}" for item in value)]
    return list(block(key, value, 4, 2))
