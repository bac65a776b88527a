"""Runs a rehearsal: sets the stage, plays the acts, tells what was seen; the exit code."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from dynia.commands.exit_codes import DONE, ERROR
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import standard_output
from dynia.commands.reporting import reporter_for, ticking
from dynia.commands.screens.rehearsal import RehearsalReport, rehearsal_json, rehearsal_text
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.desired import ClusterSpec, DigitalOceanProvider, NoDns, Rfc2136Dns
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import RehearseRequest
from dynia.interfaces.target import resolve_target
from dynia.lab.stage import stage
from dynia.services.planning.components import image_references
from dynia.services.rehearsal import rehearse as play
from dynia.services.rehearsed import rehearsed


def rehearse(request: RehearseRequest) -> int:
    """Exits 1 where an act failed."""
    output = standard_output()
    path = find_file(request.target.file, os.environ, Path.cwd())
    desired = load(path)
    names = tuple(sorted(spec.name for spec in desired.clusters))
    cluster = resolve_target(request.target.cluster, os.environ, None, names)
    spec = next(one for one in desired.clusters if one.name == cluster)
    reporter = reporter_for("plain", output, as_json=True)

    async def work() -> RehearsalReport:
        images, zones = _images(spec), _zones(spec)
        async with stage(path.parent, images, output.tell, zones=zones, keep=request.keep) as there:
            # Only this process's own: vendors and secrets are the rehearsal's from here on.
            os.environ.update({**_placeholders(spec), **there.environ})
            made, replaced = rehearsed(spec, images=there.images, stand_in=there.stand_in, key=there.key)
            session = open_session(
                file=None,
                cluster=cluster,
                emit=reporter.take,
                desired=msgspec.structs.replace(desired, clusters=(made,)),
                home=there.home,
            )
            async with ticking(reporter):
                acts = await play(session, lambda name: output.tell(f"Rehearsal: {name}"), keep=request.keep)
        return RehearsalReport(
            cluster=cluster,
            nodes=spec.nodes,
            replaced=replaced,
            acts=acts,
            elsewhere=tuple(there.fence.refused),
        )

    report = run_interruptible(work())
    if request.as_json:
        output.data(rehearsal_json(report))
    else:
        output.show(rehearsal_text(report, width=output.width, color=output.color))
    return DONE if report.ok else ERROR


def _zones(spec: ClusterSpec) -> tuple[str, ...] | None:
    """The zones that the simulated Cloudflare has; None: no vendor is asked for anything."""
    if isinstance(spec.dns, NoDns) and not isinstance(spec.provider, DigitalOceanProvider):
        return None
    domains = [domain for service in spec.services for domain in service.domains]
    named = "" if isinstance(spec.dns, NoDns) else spec.dns.zone
    zones = {named} if named else {".".join(domain.split(".")[-2:]) for domain in domains}
    return tuple(sorted(zones)) or ("example.com",)


def _placeholders(spec: ClusterSpec) -> dict[str, str]:
    """Every variable that the file takes a secret from."""
    named = [registry.password for registry in spec.registries]
    if isinstance(spec.dns, Rfc2136Dns):
        named.append(spec.dns.secret)
    return {source.env: "rehearsal" for source in named}


def _images(spec: ClusterSpec) -> tuple[str, ...]:
    provider = getattr(spec.provider, "image", "")
    return tuple(name for name in (*image_references(spec), provider, spec.caddy_image) if name)
