"""What a plan was made to reach, part by part: so that a later look can say which file was edited since."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping

import msgspec

from dynia.interfaces.desired import (
    AcmeTls,
    AgeSource,
    ClusterSpec,
    CommandSource,
    FileSource,
    FilesTls,
    Service,
    ServiceSecret,
    SshProvider,
)
from dynia.services.planning.plan import Content

FILE, TEMPLATES, BUILT_IN = "clusters.yaml", "templates", "Dynia"
# Told part by part, or by another key of the file; or secret, as a webhook's URL is; or no wish for anything.
_APART = ("name", "services", "templates", "hosts", "notify", "ignored")
_KEYS = {"caddy_image": "caddy"}
replace = msgspec.structs.replace


def content_of(spec: ClusterSpec | None, templates: Mapping[str, str]) -> tuple[Content, ...]:
    """The cluster's part of the desired file and everything that it includes. `templates` are those in force.

    Comments, other clusters and where a file lies on the runner's disk are no part of it; secrets are in it
    by name alone.
    """
    if spec is None:
        return ()
    bare = _anywhere(spec)
    parts = [
        Content(of=FILE, path=_KEYS.get(name, name), digest=_digest(_said(bare, name)))
        for name in ClusterSpec.__struct_fields__
        if name not in _APART
    ]
    for service in spec.services:
        parts += _service(service)
    own = [name for name in templates if name in spec.templates]
    parts += [Content(of=TEMPLATES, path=name, digest=_text(templates[name])) for name in own]
    rest = sorted((name, text) for name, text in templates.items() if name not in spec.templates)
    parts.append(Content(of=BUILT_IN, path="templates", digest=_digest(rest)))
    return tuple(sorted(parts, key=lambda part: (part.of, part.path)))


def _said(spec: ClusterSpec, name: str) -> object:
    if name == "protect":
        return bool(spec.protect)  # where it says so is no part of it
    return (spec.nodes, spec.hosts) if name == "nodes" else getattr(spec, name)


def _service(service: Service) -> list[Content]:
    of = f"service {service.name}"
    # Containers are what the compose file and `.env` say together: the one is here, the other a secret.
    bare = replace(service, compose=b"", dotenv=b"", files=(), containers=(), source="", as_written=b"")
    bare = replace(bare, secrets=tuple(_secret(one) for one in service.secrets))
    compose = posixpath.basename(service.source) or "compose.yaml"
    parts = {"compose": Content(of=of, path=compose, digest=_bytes(service.compose))}
    for file in service.files:
        content = "" if file.secret else _digest((file.mode, _bytes(file.content)))
        parts[file.path] = Content(of=of, path=file.path, digest=content)
    return [Content(of=FILE, path=f"services.{service.name}", digest=_digest(bare)), *parts.values()]


def _secret(one: ServiceSecret) -> ServiceSecret:
    source = one.source
    if isinstance(source, FileSource):
        source = FileSource(file=posixpath.basename(source.file))
    elif isinstance(source, AgeSource):
        source = AgeSource(age=posixpath.basename(source.age))
    elif isinstance(source, CommandSource):
        source = replace(source, folder="")
    return replace(one, source=source, where="")


def _anywhere(spec: ClusterSpec) -> ClusterSpec:
    """With the names of the runner's files and not their folders: a plan is reviewed on one machine and
    applied on another."""
    name = posixpath.basename
    spec = replace(spec, ssh=replace(spec.ssh, key=name(spec.ssh.key)), hooks=replace(spec.hooks, folder=""))
    if isinstance(spec.provider, SshProvider):
        spec = replace(spec, provider=replace(spec.provider, known_hosts=name(spec.provider.known_hosts)))
    if isinstance(spec.tls, FilesTls):
        tls = replace(spec.tls, certificate=name(spec.tls.certificate), key=name(spec.tls.key))
        spec = replace(spec, tls=tls)
    if isinstance(spec.tls, AcmeTls):
        spec = replace(spec, tls=replace(spec.tls, ca=name(spec.tls.ca)))
    return spec


def _digest(value: object) -> str:
    return _bytes(msgspec.json.encode(value, order="deterministic"))


def _text(text: str) -> str:
    return _bytes(text.encode())


def _bytes(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
