"""Rules about `dns:`: the zone, its server, and which domains can be what they would have to be in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.rules_names import domain_mistake, is_host
from dynia.interfaces.files.yaml_tree import Path

_SERVER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")
_KEY = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?\.?")
# Beside each name stands its mark, at a name that is longer by this.
MARK = "_dynia."


def dns(ground: Ground, path: Path, spec: raw.Cluster) -> Iterator[Mistake]:
    """`path` is the cluster's."""
    if isinstance(spec.dns, raw.NoDns):
        return
    here = (*path, "dns")
    if _without_entry(spec) and ground.sound(*path, "entry"):
        message = "there is no reserved IP to bind names to, and no name ever points at a node's address"
        hint = "give the cluster an entry, or say dns: {kind: none}"
        yield ground.at(here, "dns-without-entry", message, hint)
    zone = spec.dns.zone
    needed = isinstance(spec.dns, raw.Rfc2136Dns)
    if (needed or zone) and (wrong := domain_mistake(ground, (*here, "zone"), zone)):
        yield wrong
        return
    if isinstance(spec.dns, raw.Rfc2136Dns):
        yield from _server(ground, here, spec.dns)
    if zone:
        yield from _domains(ground, path, spec, zone)


def _server(ground: Ground, here: Path, dns: raw.Rfc2136Dns) -> Iterator[Mistake]:
    if not _SERVER.fullmatch(dns.server) or not is_host(dns.server):
        message = f"{dns.server!r} is not a host name or an address"
        yield ground.at((*here, "server"), "bad-address", message)
    if not _KEY.fullmatch(dns.key) or not is_host(dns.key):
        message = f"{dns.key!r} is not the name of a key"
        yield ground.at((*here, "key"), "bad-key-name", message, 'like the one in `key "dynia" {`')


def _domains(ground: Ground, path: Path, spec: raw.Cluster, zone: str) -> Iterator[Mistake]:
    cname = not isinstance(spec.dns, raw.NoDns) and spec.dns.cname
    marked = isinstance(spec.dns, raw.Rfc2136Dns)
    first = ""
    for name in sorted(spec.services):
        for index, domain in enumerate(spec.services[name].domains):
            at = (*path, "services", name, "domains", index)
            if domain != zone and not domain.endswith(f".{zone}"):
                continue
            if marked and len(MARK) + len(domain) > 253:
                message = f"longer than {253 - len(MARK)} characters: the record's mark would have no name"
                yield ground.at(at, "bad-domain", message)
            elif marked and domain.startswith(MARK):
                yield ground.at(at, "bad-domain", f"names that begin with {MARK} are for Dynia's marks")
            elif cname and first and domain == zone:
                message = "a zone's own name cannot be a CNAME, which dns.cname would make it"
                hint = f"it must come before {first} (services by name), or leave cname out"
                yield ground.at(at, "apex-cname", message, hint)
            first = first or domain


def shared_names(ground: Ground, file: raw.File) -> Iterator[Mistake]:
    """A name leads to one cluster."""
    owner: dict[str, str] = {}
    for name, spec in file.clusters.items():
        if isinstance(spec.dns, raw.NoDns):
            continue
        for service, each in spec.services.items():
            for index, domain in enumerate(each.domains):
                if owner.setdefault(domain, name) != name:
                    message = f"{domain} is bound by cluster {owner[domain]} already"
                    at = ("clusters", name, "services", service, "domains", index)
                    yield ground.at(at, "name-in-two-clusters", message, "a name leads to one cluster")


def _without_entry(spec: raw.Cluster) -> bool:
    """Hosts that exist have no entry where none is said."""
    return isinstance(spec.entry, raw.NoEntry) or (
        spec.entry is None and isinstance(spec.provider, raw.SshProvider)
    )
