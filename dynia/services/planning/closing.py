"""What the state learns before the first step and after the last one of an apply: pure."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.observed import NotObserved
from dynia.services.planning.certificates import origin_of, record_of, wanted_certificate
from dynia.services.planning.estimate import still_of_use
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.wished_records import names_seen
from dynia.services.planning.zones import Zone, find_zone, remembered
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
    """Records the cluster before anything is made for it."""
    if given.desired is None:
        return ()
    provider, entry = _kind(given.desired.provider), _kind(given.desired.entry)
    home = given.state.cluster(given.target)
    known = home or Cluster(name=given.target, provider=provider)
    opened = msgspec.structs.replace(known, provider=provider, entry=entry, dns=remembered(given))
    return () if opened == home else (PutCluster(cluster=opened),)


def closing_changes(
    given: PlanningInput, *, at: int, by: str, commit: str, worked: bool, whole: bool
) -> tuple[Change, ...]:
    """Records what is deployed once nothing is left to do. Nothing if nothing changed.

    `worked` says that steps ran; `whole` that every node was observed and nothing waits: only then is it
    a new generation.
    """
    home = given.state.cluster(given.target)
    if given.desired is None:
        return (DropCluster(name=given.target),) if home is not None and whole else ()
    if home is None:
        return ()
    # Whatever else is left to do: a name that was seen right is missed when it is gone.
    home, before = _with_names(given, given.desired, home), home
    noted = (PutCluster(cluster=home),) if home != before else ()
    if not whole:
        return noted
    deployed = SetDeployments(
        cluster=given.target, deployments=_deployments(given, given.desired), routes=_routes(given.desired)
    )
    found = wanted_certificate(given, given.desired)
    certificate = record_of(found, origin_of(given.desired)) if found else None
    same = (
        deployed.deployments == tuple(d for d in given.state.deployments if d.cluster == given.target)
        and deployed.routes == tuple(r for r in given.state.routes if r.cluster == given.target)
        and home.applied is not None
        and home.certificate == certificate
    )
    if same and not worked:
        return noted
    done = msgspec.structs.replace(
        home,
        generation=home.generation + 1,
        applied=Applied(at=at, by=by, commit=commit),
        certificate=certificate,
        paces=still_of_use(home.paces, given.desired),
    )
    return (PutCluster(cluster=done), deployed)


def _with_names(given: PlanningInput, spec: ClusterSpec, home: Cluster) -> Cluster:
    """The names as they were seen right. Where none is wanted and none of ours is left, all is forgotten."""
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
            )
        )
    return tuple(found)


def _routes(spec: ClusterSpec) -> tuple[Route, ...]:
    return tuple(
        sorted(
            (Route(cluster=spec.name, domain=d, service=s.name) for s in spec.services for d in s.domains),
            key=lambda route: route.domain,
        )
    )


def _kind(value: msgspec.Struct) -> str:
    return str(type(value).__struct_config__.tag)
