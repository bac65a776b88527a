"""Collect everything that the planner looks at: nodes, provider, names, images, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, NoEntry
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.node_requests import ObserveRequest, SecretCandidate
from dynia.interfaces.observed import (
    DnsRecord,
    EntryAnswer,
    NotObserved,
    Observed,
    Offer,
    ProviderAddress,
    ProviderNode,
    ResolvedImage,
    UnresolvedImage,
)
from dynia.providers.protocols import DnsMark, NodeProvider
from dynia.services.connections import Connections
from dynia.services.observe import observe_nodes
from dynia.services.planning.components import (
    certificate_paths,
    data_folders,
    drop_in_paths,
    image_references,
    packages,
    paths_in_data,
    roots,
    secret_paths,
    units,
)
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.scope import WHOLE
from dynia.services.planning.zones import dns_in_force, domains_of, longest
from dynia.services.session import Session
from dynia.state.generation import path_of
from dynia.state.manifest import PATH as MANIFEST_PATH
from dynia.state.model import Cluster, Node

_T = TypeVar("_T")


def observe_request(
    spec: ClusterSpec | None,
    secrets: dict[str, bytes],
    home: Cluster | None,
    generations: tuple[str, ...] = (),
) -> ObserveRequest:
    """What to look at on every node of a cluster. `generations` are paths: secrets are in them."""
    return ObserveRequest(
        roots=roots(),
        paths=(*drop_in_paths(), MANIFEST_PATH, *generations, *paths_in_data(spec, home)),
        units=units(spec),
        packages=packages(spec),
        secret_paths=(*secret_paths(spec, home), *generations),
        data=data_folders(spec, home),
        candidates=tuple(SecretCandidate(path=p, content=c) for p, c in sorted(secrets.items())),
        certificates=certificate_paths(spec),
    )


async def gather(session: Session, connections: Connections) -> PlanningInput:
    """One look at the world. What did not answer is in the result as `NotObserved`."""
    state = session.store.state
    recorded = state.nodes_of(session.cluster)
    home = state.cluster(session.cluster)
    newest = (path_of(home.generations[-1].number),) if home and home.generations else ()
    request = observe_request(session.spec, session.secrets, home, newest)
    request = replace(request, fence=session.fence())
    listing = asyncio.create_task(_list_nodes(session))

    async def silent() -> dict[str, str]:
        return _cannot_answer(recorded, await listing)

    nodes, machines, addresses, (records, zones), entry, (images, offer, others) = await asyncio.gather(
        observe_nodes(
            connections,
            (node.name for node in recorded),
            request,
            timeout_s=session.node_timeout,
            silent=silent(),
        ),
        listing,
        _list_addresses(session),
        _list_records(session),
        _ask_entry(session, listing),
        asyncio.gather(_resolve_images(session), _offer(session), _other_states(session)),
    )
    return PlanningInput(
        target=session.cluster,
        desired=session.spec,
        state=state,
        observed=Observed(
            nodes=nodes,
            provider_nodes=machines,
            addresses=addresses,
            records=records,
            zones=zones,
            others=others,
            entry=entry,
            images=images,
            offer=offer,
            at=int(session.clock.now()),
            certificate=session.certificate,
        ),
        templates=session.templates,
        secrets=session.secrets,
        leave_names=session.leave_names,
        rollback=session.rollback,
        replace=session.replace,
        protect=session.protect,
        # The way back of a part is a way back of all.
        scope=session.scope if session.rollback is None else WHOLE,
    )


def _cannot_answer(
    recorded: tuple[Node, ...], machines: tuple[ProviderNode, ...] | NotObserved
) -> dict[str, str]:
    """Nodes that the provider knows to be off or gone, with the reason that people read."""
    if isinstance(machines, NotObserved):
        return {}
    status = {machine.provider_id: machine.status for machine in machines}
    reasons = {"off": "off at the provider", "absent": "not yet made at the provider"}
    told = {node.name: status.get(node.provider_id, "gone") for node in recorded}
    return {
        name: reasons.get(word, "gone at the provider") for name, word in told.items() if word != "running"
    }


async def _list_nodes(session: Session) -> tuple[ProviderNode, ...] | NotObserved:
    return await _ask(session, lambda p: p.list_nodes(session.store.state.lineage, session.cluster))


async def _list_addresses(session: Session) -> tuple[ProviderAddress, ...] | NotObserved:
    return await _ask(session, lambda p: p.list_reserved_ips(session.store.state.lineage, session.cluster))


async def _ask(
    session: Session, question: Callable[[NodeProvider], Awaitable[tuple[_T, ...]]]
) -> tuple[_T, ...] | NotObserved:
    """A rollback goes without the provider where there is no token: it makes and moves nothing."""
    try:
        provider = await session.vendors.nodes()
    except DyniaError as error:
        if session.rollback is None:
            raise
        return NotObserved(reason=error.message)
    return await _answer(question(provider))


async def _other_states(session: Session) -> tuple[str, ...]:
    """Whose machines carry the name of a cluster that this state does not know: it may have been lost.
    Silence is told by the question for the cluster's own machines."""
    state = session.store.state
    if session.spec is None or state.cluster(session.cluster) is not None:
        return ()
    provider = await session.vendors.nodes()
    seen = await _answer(provider.lineages(session.cluster))
    return () if isinstance(seen, NotObserved) else tuple(one for one in seen if one != state.lineage)


async def _offer(session: Session) -> Offer | NotObserved:
    """A refusal of the account or its token is told at once, and not taken for silence."""
    if session.spec is None or session.rollback is not None:
        return Offer()
    order, provider = session.spec.provider, await session.vendors.nodes()
    size, image, region = (str(getattr(order, name, "")) for name in ("size", "image", "region"))
    try:
        async with asyncio.timeout(30):
            return await provider.offer(
                session.store.state.lineage, session.cluster, size=size, image=image, region=region
            )
    except TimeoutError:
        return NotObserved(reason="the provider did not answer within 30 s")
    except NotObservedError as error:
        return NotObserved(reason=error.message)


async def _list_records(session: Session) -> tuple[tuple[DnsRecord, ...] | NotObserved, tuple[str, ...]]:
    """The records of the cluster's zone; where the file names no zone, also the zones that there are."""
    state = session.store.state
    settings = dns_in_force(session.spec, state.cluster(session.cluster))
    if settings is None or session.leave_names or session.rollback is not None:
        return (), ()
    try:
        vendor = await session.vendors.dns(settings)
    except DyniaError as error:
        return NotObserved(reason=error.message, refused=error.hint or "look at `dns:`"), ()
    zone, zones = settings.zone, tuple[str, ...]()
    if not zone:
        answer = await _answer(vendor.zones())
        if isinstance(answer, NotObserved):
            return answer, ()
        zone, zones = longest(answer, domains_of(session.spec)), answer
        if not zone:
            return (), zones
    mark = DnsMark(lineage=state.lineage, cluster=session.cluster)
    return await _answer(vendor.list_records(zone, mark)), zones


async def _ask_entry(session: Session, listing: Awaitable[object]) -> EntryAnswer | NotObserved | UnsetType:
    """Only an address that the cluster has, and is to keep. Asked once the vendor's SDK is imported: while
    that lasts nothing else runs here, and an answer in time would be taken for none."""
    home = session.store.state.cluster(session.cluster)
    if session.spec is None or isinstance(session.spec.entry, NoEntry):
        return UNSET
    if home is None or home.reserved_ip is None or home.applied is None:
        return UNSET
    await listing
    return await session.ask_entry(home.reserved_ip.address)


async def _resolve_images(session: Session) -> dict[str, ResolvedImage | UnresolvedImage]:
    if session.spec is None:
        return {}
    if session.rollback is not None:
        return dict(sorted(session.images.items()))
    references = image_references(session.spec)
    source = await session.vendors.images()
    found = await asyncio.gather(*(source.resolve(reference) for reference in references))
    return dict(zip(references, found, strict=True))


async def _answer(call: Awaitable[tuple[_T, ...]]) -> tuple[_T, ...] | NotObserved:
    try:
        async with asyncio.timeout(30):
            return await call
    except TimeoutError:
        return NotObserved(reason="the provider did not answer within 30 s")
    except NotObservedError as error:
        return NotObserved(reason=error.message)
    except DyniaError as error:
        return NotObserved(reason=error.message, refused=error.hint or "read what the vendor says")
