"""Runs a rehearsal: sets the stage, plays the acts, tells what was seen; the exit code."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from dynia.commands.exit_codes import DONE, ERROR
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.reporting import reporter_for, ticking
from dynia.commands.screens.rehearsal import RehearsalReport, rehearsal_json, rehearsal_text
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.desired import (
    CloudflareOriginTls,
    ClusterSpec,
    Desired,
    DigitalOceanProvider,
    DockerProvider,
    NoDns,
    Rfc2136Dns,
)
from dynia.interfaces.errors import Refused
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import RehearseRequest
from dynia.interfaces.target import VARIABLE, resolve_target
from dynia.lab.stage import stage
from dynia.services.planning.components import image_references
from dynia.services.rehearsal import rehearse as play
from dynia.services.rehearsed import STAND_IN_VARIABLE, rehearsed


def rehearse(request: RehearseRequest) -> int:
    """Exits 1 where an act failed. Where no cluster is named, all of the file are played in turn."""
    output = standard_output()
    path = find_file(request.target.file, os.environ, Path.cwd())
    desired = load(path)
    chosen = _chosen(request, desired)
    if request.keep and len(chosen) > 1:
        raise Refused(
            "several clusters cannot be kept: they are played in the same place", hint="say --cluster"
        )

    async def work() -> tuple[RehearsalReport, ...]:
        reports = []
        for spec in chosen:
            reports.append(await _play(request, desired, spec, path.parent, output))
            if not request.as_json:
                output.show(rehearsal_text(reports[-1], width=output.width, color=output.color))
                output.show("")
        return tuple(reports)

    reports = run_interruptible(work())
    if request.as_json:
        output.data(rehearsal_json(reports))
    return DONE if all(report.ok for report in reports) else ERROR


async def _play(
    request: RehearseRequest, desired: Desired, spec: ClusterSpec, folder: Path, output: Output
) -> RehearsalReport:
    """One cluster, on a stage of its own."""
    reporter = reporter_for("plain", output, as_json=True)
    images, zones = _images(spec), _zones(spec)
    async with stage(folder, images, output.tell, zones=zones, keep=request.keep) as there:
        # Only this process's own: vendors and secrets are the rehearsal's from here on.
        os.environ.update({**_placeholders(spec), **there.environ})
        made, replaced = rehearsed(spec, images=there.images, stand_in=there.stand_in, key=there.key)
        session = open_session(
            file=None,
            cluster=spec.name,
            emit=reporter.take,
            desired=msgspec.structs.replace(desired, clusters=(made,)),
            home=there.home,
        )

        def tell(act: str) -> None:
            output.tell(f"Rehearsal of {spec.name}: {act}")

        async with ticking(reporter):
            acts = await play(session, tell, keep=request.keep)
    return RehearsalReport(
        cluster=spec.name,
        nodes=spec.nodes,
        replaced=replaced,
        acts=acts,
        elsewhere=tuple(there.fence.refused),
    )


def _chosen(request: RehearseRequest, desired: Desired) -> tuple[ClusterSpec, ...]:
    names = tuple(sorted(spec.name for spec in desired.clusters))
    if request.target.cluster is None and not os.environ.get(VARIABLE):
        return desired.clusters
    cluster = resolve_target(request.target.cluster, os.environ, None, names)
    return tuple(spec for spec in desired.clusters if spec.name == cluster)


def _zones(spec: ClusterSpec) -> tuple[str, ...] | None:
    """The zones that the simulated Cloudflare has; None: no vendor is asked for anything."""
    origin = isinstance(spec.tls, CloudflareOriginTls)
    if isinstance(spec.dns, NoDns) and not origin and not isinstance(spec.provider, DigitalOceanProvider):
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
    return {**{source.env: "rehearsal" for source in named}, STAND_IN_VARIABLE: "rehearsal"}


def _images(spec: ClusterSpec) -> tuple[str, ...]:
    """What this machine's Docker is asked for: what runs, and what a node of the lab boots."""
    node = spec.provider.image if isinstance(spec.provider, DockerProvider) else ""
    return (*image_references(spec), *((node,) if node else ()))
