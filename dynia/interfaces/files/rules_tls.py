"""Rules about `tls`: the files that it names, as far as they are there, against the cluster's domains."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import Absent, Folder, Link, Look
from dynia.interfaces.files.yaml_tree import Path
from dynia.interfaces.pem import Pem, PemError, covers, read_chain, read_pem

_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?")
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def tls(
    ground: Ground, path: Path, spec: raw.Cluster, look: Look, resolve: Callable[[str], str]
) -> Iterator[Mistake]:
    """`path` is that of `tls`. A file that is not there is no mistake yet: another machine may have it."""
    if isinstance(spec.tls, raw.AcmeTls):
        yield from _acme(ground, path, spec, spec.tls, look, resolve)
    if not isinstance(spec.tls, raw.FilesTls):
        return
    contents: dict[str, bytes] = {}
    for name in ("certificate", "key"):
        written = getattr(spec.tls, name)
        seen = look(resolve(written), follow=True)
        if isinstance(seen, Absent) and seen.reason == "no such file":
            continue
        if isinstance(seen, Absent | Folder | Link) or seen.content is None:
            reason = seen.reason if isinstance(seen, Absent) else "it is no file that could be a certificate"
            yield ground.at((*path, name), "unreadable-file", f"{written} cannot be read: {reason}")
            continue
        contents[name] = seen.content
    chain = contents.get("certificate")
    if chain is None:
        return
    try:
        found = read_chain(chain, key_hash="")
    except PemError as error:
        yield ground.at((*path, "certificate"), "bad-certificate", f"{spec.tls.certificate} {error}")
        return
    yield from _names(ground, path, spec, found.names)
    key = contents.get("key")
    pair: Pem | None = None
    try:
        pair = read_pem(chain, key) if key is not None else None
    except PemError as error:
        yield ground.at((*path, "key"), "bad-certificate", f"{spec.tls.key} {error}")
    if pair is not None and not pair.seen.fits:
        message = f"{spec.tls.key} is not the key of {posixpath.basename(spec.tls.certificate)}"
        hint = "the two files must come from the same request"
        yield ground.at((*path, "key"), "key-of-another-certificate", message, hint)


def _names(ground: Ground, path: Path, spec: raw.Cluster, names: tuple[str, ...]) -> Iterator[Mistake]:
    domains = {domain for service in spec.services.values() for domain in service.domains}
    missing = sorted(domain for domain in domains if not covers(names, domain))
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        hint = f"it is for {', '.join(names) or 'no name at all'}"
        message = f"the certificate is not for {shown}"
        yield ground.at((*path, "certificate"), "certificate-lacks-domain", message, hint)


def _acme(
    ground: Ground, path: Path, spec: raw.Cluster, tls: raw.AcmeTls, look: Look, resolve: Callable[[str], str]
) -> Iterator[Mistake]:
    if tls.directory and not _URL.fullmatch(tls.directory):
        message = f"{tls.directory!r} is not a URL that starts with https://"
        yield ground.at((*path, "directory"), "bad-url", message, "leave it out: Let's Encrypt")
    if tls.email and not _EMAIL.fullmatch(tls.email):
        yield ground.at((*path, "email"), "bad-email", f"{tls.email!r} is not an address")
    if tls.ca and isinstance(seen := look(resolve(tls.ca), follow=True), Absent):
        rule = "missing-file" if seen.reason == "no such file" else "unreadable-file"
        yield ground.at((*path, "ca"), rule, f"{tls.ca} cannot be read: {seen.reason}")
    if isinstance(spec.dns, raw.NoDns):
        if ground.sound(*path[:-1], "dns"):
            message = "there is no zone to prove the names in"
            yield ground.at(
                (*path, "kind"), "acme-without-zone", message, "say dns: {kind: cloudflare, ...}, or rfc2136"
            )
        return
    zone = spec.dns.zone
    for name, service in spec.services.items():
        for index, domain in enumerate(service.domains):
            if domain != zone and not domain.endswith(f".{zone}"):
                at = (*path[:-1], "services", name, "domains", index)
                message = f"{domain} is not in zone {zone}, so nothing can be proven about it"
                yield ground.at(at, "domain-outside-zone", message, "another tls kind, or another zone")
