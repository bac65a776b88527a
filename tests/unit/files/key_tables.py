"""The tables of docs/clusters-yaml.md, made from the types and their words.

``python -m tests.unit.files.key_tables`` writes them into the file.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

import msgspec
from msgspec import inspect

from dynia.interfaces.files import raw
from dynia.interfaces.files.key_words import KEYS

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "clusters-yaml.md"
# what a struct is called where it stands in the file
PLACES = {
    "File": "the file",
    "FileState": "`state: {kind: file}`",
    "GitState": "`state: {kind: git}`",
    "Cluster": "`clusters.NAME`",
    "DockerProvider": "`provider: {kind: docker}`",
    "SshProvider": "`provider: {kind: ssh}`",
    "DigitalOceanProvider": "`provider: {kind: digitalocean}`",
    "Count": "`nodes: {count}`",
    "Host": "`nodes: [...]`, provider ssh",
    "Ssh": "`ssh`",
    "VipEntry": "`entry: {kind: vip}`",
    "ApiEntry": "`entry: {kind: api}`",
    "NoEntry": "`entry: {kind: none}`",
    "NoDns": "`dns: {kind: none}`",
    "CloudflareDns": "`dns: {kind: cloudflare}`",
    "Rfc2136Dns": "`dns: {kind: rfc2136}`",
    "NoTls": "`tls: {kind: none}`",
    "FilesTls": "`tls: {kind: files}`",
    "SelfSignedTls": "`tls: {kind: self-signed}`",
    "AcmeTls": "`tls: {kind: acme-dns01}`",
    "CloudflareOriginTls": "`tls: {kind: cloudflare-origin}`",
    "Rollout": "`rollout`",
    "Firewall": "`firewall`",
    "Hooks": "`hooks`",
    "Webhook": "`notify: [...]`",
    "Drift": "`drift`",
    "DriftIgnore": "`drift: {ignore: [...]}`",
    "Registry": "`registries: [...]`",
    "EnvSource": "`password`, `secret`, `url`",
    "Caddy": "`caddy`",
    "Service": "`services.NAME`",
    "Secret": "`services.NAME.secrets: [...]`",
    "Health": "`health`",
}


def structs() -> dict[str, type[msgspec.Struct]]:
    """The shapes of raw.py by name."""
    found = {name: value for name, value in vars(raw).items() if isinstance(value, type)}
    return {
        name: value
        for name, value in found.items()
        if issubclass(value, msgspec.Struct) and value.__module__ == raw.__name__
    }


def fields(name: str) -> dict[str, str]:
    """Each key with its default as people write it; ``needed`` where there is none."""
    info = inspect.type_info(structs()[name])
    assert isinstance(info, inspect.StructType)
    found = {str(info.tag_field): "needed"} if info.tag is not None else {}
    return found | {field.encode_name: _default(field) for field in info.fields}


def _default(field: inspect.Field) -> str:
    if field.required:
        return "needed"
    value: Any = field.default
    if value is msgspec.NODEFAULT:  # a list, a mapping, or a key that is simply not there
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, msgspec.Struct):
        kind = msgspec.to_builtins(value).get("kind")
        return f"`{{kind: {kind}}}`" if kind else ""
    return f"`{value}`" if (value or value == 0) and value is not msgspec.UNSET else ""


def tables() -> str:
    """All tables, in the order of `PLACES`."""
    return "\n".join(_table(name) for name in PLACES)


def _table(name: str) -> str:
    rows = [f"| `{key}` | {default} | {KEYS[name][key]} |" for key, default in fields(name).items()]
    head = ["| key | default | meaning |", "|---|---|---|"]
    return "\n".join([f"### {PLACES[name]}", "", *head, *rows, ""])


def with_tables(text: str) -> str:
    """The docs with today's tables."""
    return re.sub(
        r"(<!-- keys -->\n).*(<!-- end of keys -->)",
        lambda found: f"{found[1]}\n{tables()}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    DOCS.write_text(with_tables(DOCS.read_text()))
