"""What the state learns before the first step and after the last one of an apply: pure."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import NotObserved
from dynia.services.planning.certificates import origin_of, record_of, wanted_certificate
from dynia.services.planning.estimate import still_of_use
from dynia.services.planning.generations import digest_of, inputs_of
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.way_back import kept_out
from dynia.services.planning.wished_records import names_seen
from dynia.services.planning.zones import Zone, find_zone, remembered
from dynia.state.generation import Generation, Rollback, added, find
from dynia.state.model import (
    Applied,
    Change,
    Cluster,
    Deployment,
    DropCluster,
    PutCluster,
    Route,
    SetDeployments,
)


def opening_changes(given: PlanningInput) -> tuple[Change, ...]:
    """Records the cluster before anything is made for it, which way it goes, who is kept out, and which
    releases go on after their canary. What is done by hand changes none of it."""
    if given.desired is None or given.by_hand is not None:
        return ()
    provider, entry = _kind(given.desired.provider), _kind(given.desired.entry)
    home = given.state.cluster(given.target)
    known = home or Cluster(name=given.target, provider=provider)
    out = kept_out(given, given.state.nodes_of(given.target))
    opened = msgspec.structs.replace(
        known, rollback=given.rollback, kept_out=out, protect=bool(given.protect)
    )
    if given.rollback is None:
        resumed = dict(sorted({**known.resumed, **given.resumed}.items()))
        opened = msgspec.structs.replace(
            opened, provider=provider, entry=entry, dns=remembered(given), resumed=resumed
        )
    return () if opened == home else (PutCluster(cluster=opened),)


def secrets_noted(home: Cluster | None) -> tuple[Change, ...]:
    """Records that secrets are about to be written: a run that is cut cannot tell the one that ends it."""
    if home is None or home.secrets_written:
        return ()
    return (PutCluster(cluster=msgspec.structs.replace(home, secrets_written=True)),)


def closing_changes(
    given: PlanningInput,
    *,
    at: int,
    by: str,
    commit: str,
    worked: bool,
    whole: bool,
) -> tuple[Change, ...]:
    """Records what is deployed once nothing is left to do. Nothing if nothing changed.

    `worked` says that steps ran; `whole` that every node was observed and nothing waits: only then is it
    a new generation. What is done by hand brings about nothing of the file.
    """
    home = given.state.cluster(given.target)
    if given.desired is None:
        return (DropCluster(name=given.target),) if home is not None and whole else ()
    if home is None or given.by_hand is not None:
        return ()
    # Whatever else is left to do: a name that was seen right is missed when it is gone.
    home, before = _with_names(given, given.desired, home), home
    home = msgspec.structs.replace(home, protect=bool(given.protect))
    noted = (PutCluster(cluster=home),) if home != before else ()
    if not whole:
        return noted
    deployed = SetDeployments(
        cluster=given.target, deployments=_deployments(given, given.desired), routes=_routes(given.desired)
    )
    found = wanted_certificate(given, given.desired)
    certificate = record_of(found, origin_of(given.desired)) if found else None
    kept = home.generations
    recorded = tuple(d for d in given.state.deployments if d.cluster == given.target)
    same = (
        tuple(map(_bare, deployed.deployments)) == tuple(map(_bare, recorded))
        and deployed.routes == tuple(r for r in given.state.routes if r.cluster == given.target)
        and home.applied is not None
        and home.certificate == certificate
        and home.rollback is None
        and not home.secrets_written
        and not (home.holds and given.rollback is None)
        and 0 < len(kept) <= given.desired.keep
    )
    if same and not worked:
        return noted if deployed.deployments == recorded else (*noted, deployed)
    services = {service.name for service in given.desired.services}
    number, inputs = home.generation + 1, inputs_of(given, given.desired)
    new = Generation(
        number=number,
        last=number,
        digest=digest_of(inputs),
        at=at,
        by=by,
        commit=commit,
        of=_origin(kept, given.rollback),
        releases=_everywhere(given),
        images=tuple(sorted({image.run for image in inputs.images.values()})),
    )
    done = msgspec.structs.replace(
        home,
        generation=number,
        applied=Applied(at=at, by=by, commit=commit),
        certificate=certificate,
        paces=still_of_use(home.paces, given.desired),
        pre_deployed={name: home.pre_deployed[name] for name in sorted(services & home.pre_deployed.keys())},
        generations=added(kept, new, given.desired.keep, secrets=home.secrets_written),
        rollback=None,
        secrets_written=False,
        # Nothing of the file is on hold, or it would not have been applied: its content changed since.
        holds=home.holds if given.rollback is not None else (),
        kept_out=(),
        resumed={},
    )
    return (PutCluster(cluster=done), deployed)


def _origin(kept: tuple[Generation, ...], rollback: Rollback | None) -> int:
    if rollback is None:
        return 0
    target = find(kept, rollback.to)
    if rollback.failed and target is not None and target == kept[-1]:
        return target.of  # nothing else was good in between, so this one lasts
    return target.origin if target is not None else rollback.to


def _everywhere(given: PlanningInput) -> dict[str, str]:
    """Releases that every node has: not what is each node's own."""
    nodes = given.state.nodes_of(given.target)
    first = nodes[0].components if nodes else {}
    return {
        name: first[name]
        for name in sorted(first)
        if all(n.components.get(name) == first[name] for n in nodes)
    }


def _with_names(given: PlanningInput, spec: ClusterSpec, home: Cluster) -> Cluster:
    """The names as they were seen right. Where none is wanted and none of ours is left, all is forgotten. A
    rollback does not look at them."""
    if given.rollback is not None:
        return home
    seen, records = names_seen(given, spec), given.observed.records
    if seen is None or isinstance(records, NotObserved):
        return home
    zone = find_zone(given)
    over = not (isinstance(zone, Zone) and zone.wanted) and not any(r.ours for r in records)
    return msgspec.structs.replace(home, names=seen, dns=None if over else remembered(given))


def _deployments(given: PlanningInput, spec: ClusterSpec) -> tuple[Deployment, ...]:
    nodes = given.state.nodes_of(given.target)
    home = given.state.cluster(given.target)
    if not nodes or home is None:
        return ()
    releases = {(r.component, r.id): r for r in home.releases}
    found = []
    for service in sorted(spec.services, key=lambda s: s.name):
        component = f"service/{service.name}"
        release = nodes[0].components.get(component, "")
        known = releases.get((component, release))
        found.append(
            Deployment(
                cluster=given.target,
                name=service.name,
                kind=service.kind,
                release=release,
                images=known.images if known else (),
                volumes=service.volumes == "per-node",
            )
        )
    return tuple(found)


def _bare(deployment: Deployment) -> Deployment:
    """That a service keeps data is learnt without a new generation."""
    return msgspec.structs.replace(deployment, volumes=None)


def _routes(spec: ClusterSpec) -> tuple[Route, ...]:
    return tuple(
        sorted(
            (Route(cluster=spec.name, domain=d, service=s.name) for s in spec.services for d in s.domains),
            key=lambda route: route.domain,
        )
    )


def _kind(value: msgspec.Struct) -> str:
    return str(type(value).__struct_config__.tag)
