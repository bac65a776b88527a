"""Rules about `tls`: the files that it names, as far as they are there, against the cluster's domains."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import Absent, Folder, Link, Look
from dynia.interfaces.files.yaml_tree import Path
from dynia.interfaces.pem import Pem, PemError, covers, read_chain, read_pem


def tls(
    ground: Ground, path: Path, spec: raw.Cluster, look: Look, resolve: Callable[[str], str]
) -> Iterator[Mistake]:
    """`path` is that of `tls`. A file that is not there is no mistake yet: another machine may have it."""
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
