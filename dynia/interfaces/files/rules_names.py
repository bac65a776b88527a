"""Rules about names: of clusters, services, hosts, and the domains they answer to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.yaml_tree import Path

MAX_NAME = 40
RESERVED_SERVICES = frozenset(
    ("caddy", "docker", "dynia", "edge", "firewall", "haproxy", "keepalived", "lab")
)
RESERVED_CLUSTERS = frozenset(("all", "none"))
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?")


def names(
    ground: Ground, path: Path, given: Iterable[str], what: str, reserved: frozenset[str]
) -> Iterator[Mistake]:
    """Names are lower-case words, since they become parts of file, network and host names."""
    first: dict[str, str] = {}
    for name in given:
        here = (*path, name)
        twin = first.setdefault(name.lower(), name)
        if twin != name:
            message = f"differs only in case from {what} {twin}"
            yield ground.at(here, "differs-in-case", message, "give it another name", key=True)
        elif not _NAME.fullmatch(name) or len(name) > MAX_NAME:
            words = f"a name has a-z, 0-9 and - inside, and at most {MAX_NAME} characters"
            yield ground.at(here, "bad-name", words, _spelled(name), key=True)
        elif name in reserved:
            message = f"{name} is a name that Dynia uses itself"
            yield ground.at(here, "reserved-name", message, "give it another name", key=True)


def _spelled(name: str) -> str:
    fixed = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME].strip("-")
    return f"for example {fixed}" if fixed else ""


def domain_mistake(ground: Ground, path: Path, domain: str) -> Mistake | None:
    """What is wrong with one domain, or None."""
    lowered = domain.lower().rstrip(".")
    if "://" in domain or "/" in domain or ":" in domain:
        host = re.sub(r"^[a-z]+://", "", lowered).split("/")[0].split(":")[0]
        return ground.at(path, "bad-domain", "a domain has no scheme, port or path", f"write {host}")
    if not domain.isascii():
        return ground.at(path, "bad-domain", "a domain is written in its ASCII form", _punycode(lowered))
    if domain.startswith("*"):
        return ground.at(path, "not-yet", "not yet: wildcard domains", "list the domains")
    if domain != lowered:
        return ground.at(path, "bad-domain", "a domain is written in lower case", f"write {lowered}")
    if _is_address(domain):
        hint = "to answer for every host name say default: true"
        return ground.at(path, "bad-domain", "an address is not a domain", hint)
    if len(domain) > 253 or not all(_LABEL.fullmatch(part) and len(part) <= 63 for part in domain.split(".")):
        return ground.at(path, "bad-domain", f"{domain!r} is not a domain", "for example api.example.com")
    return None


def is_host(text: str) -> bool:
    """Whether a host name (or an address) can be looked up at all: its parts are not empty, nor too long."""
    return _is_address(text) or (
        len(text) <= 253 and all(1 <= len(part) <= 63 for part in text.removesuffix(".").split("."))
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _punycode(domain: str) -> str:
    try:
        return "write " + domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
