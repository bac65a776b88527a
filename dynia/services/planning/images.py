"""What image references mean for this plan, also where a registry did not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import NodeFacts, Observed, ResolvedImage, UnresolvedImage
from dynia.interfaces.shape import Shape
from dynia.services.actions import ProvideImage
from dynia.services.planning.components.caddy import caddy_component
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Step, Waiting
from dynia.state.model import AppliedRelease, Node

SILENT = "did not answer"
ROOM_MB = 500


class Images(Shape):
    """`found` maps references to what they mean. `assumed` maps components to references of theirs that
    nobody could resolve now, and that are taken to mean what was applied."""

    found: dict[str, ResolvedImage]
    assumed: dict[str, tuple[str, ...]]


def resolved_images(given: PlanningInput, spec: ClusterSpec) -> Images:
    """Every reference with what it means now. Refused where one has no meaning: nothing could run it. A
    registry that is down does not stop a plan for images that are applied already."""
    seen = given.observed.images
    found = {name: image for name, image in sorted(seen.items()) if isinstance(image, ResolvedImage)}
    unknown = {name: image for name, image in seen.items() if isinstance(image, UnresolvedImage)}
    if not unknown:
        return Images(found=found, assumed={})
    assumed = {}
    for component, references in _references(spec).items():
        silent = tuple(r for r in references if r in unknown and SILENT in unknown[r].reason)
        applied = _applied(given, component)
        if not silent or applied is None:
            continue
        left = [i for i in applied.images if i not in {found[r].run for r in references if r in found}]
        for reference in silent:
            same = [i for i in left if i.startswith(f"{_repository(reference)}@")] or left
            if len(same) == 1:
                found[reference] = _as_applied(reference, same[0])
        assumed[component] = silent
    missing = [f"  {name}: {unknown[name].reason}" for name in sorted(unknown) if name not in found]
    if missing:
        raise Refused(
            "\n".join((f"cluster {spec.name}: images that nobody has", *missing)),
            hint="build or push them, or log in under `registries:`, then plan again",
        )
    return Images(found=dict(sorted(found.items())), assumed=assumed)


def refuse_changed(images: Images, releases: dict[str, str], given: PlanningInput) -> None:
    """An assumed image must lead to the release that is applied, else the file asks for another one now."""
    for component, references in sorted(images.assumed.items()):
        applied = _applied(given, component)
        if applied is None or releases.get(component) != applied.id:
            raise Refused(
                f"{component} changes, and no registry answers for {', '.join(references)}",
                hint="plan again when it does",
            )


def keepers(observed: Observed, nodes: Iterable[Node]) -> dict[str, str]:
    """By config digest, the first node that answered and has the image, and room: Docker lays out there
    what it saves."""
    found: dict[str, str] = {}
    for node in nodes:
        facts = observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts) and not _is_full(facts):
            for image in facts.images:
                found.setdefault(image.id, node.name)
    return found


def _is_full(facts: NodeFacts) -> bool:
    return facts.disk_free_mb is not None and facts.disk_free_mb < ROOM_MB


def lacking(steps: Iterable[Step]) -> tuple[Waiting, ...]:
    """What a rollback needs that is on no node, or is known by a name that only its registry gives it."""
    lack: dict[tuple[str, bool], list[str]] = {}
    for step in steps:
        if isinstance(image := step.action, ProvideImage) and not image.source:
            lack.setdefault((image.reference, bool(image.pull)), []).append(step.node)
    return tuple(
        Waiting(
            subject=f"image {reference}",
            reason=f"not on {', '.join(sorted(nodes))}: it comes from {where} first, and where that fails "
            "nothing else is touched",
            final=True,
        )
        for (reference, pulled), nodes in sorted(lack.items())
        for where in ("its registry" if pulled else "the Docker of this machine",)
    )


def no_room(steps: Iterable[Step], observed: Observed) -> tuple[Waiting, ...]:
    """Nodes that an image is to go to and that have no room for it. How large one is only the registry knows,
    so what is asked for is little."""
    found: dict[str, Waiting] = {}
    for step in steps:
        facts, image = observed.nodes.get(step.node), step.action
        if isinstance(image, ProvideImage) and isinstance(facts, NodeFacts) and _is_full(facts):
            left = f"has {facts.disk_free_mb} MB left on its disk"
            reason = f"{left}, and image {image.reference} is to go there: {_REFUSED}"
            found.setdefault(step.node, Waiting(subject=step.node, reason=reason, final=True))
    return tuple(found.values())


_REFUSED = f"apply is refused until there are {ROOM_MB} MB"


def refuse_full(cluster: str, steps: Iterable[Step], observed: Observed) -> None:
    """Before the first byte of an image goes there."""
    for one in no_room(steps, observed):
        raise Refused(
            f"cluster {cluster}: {one.subject} {one.reason}",
            hint=f"make room there: `dynia node ssh {one.subject}`, then `docker system df`; a smaller "
            "`keep` drops images of old generations",
        )


def _references(spec: ClusterSpec) -> dict[str, tuple[str, ...]]:
    found = {f"service/{s.name}": tuple(sorted({c.image for c in s.containers})) for s in spec.services}
    return dict(sorted({**found, "caddy": (caddy_component(spec).image,)}.items()))


def _applied(given: PlanningInput, component: str) -> AppliedRelease | None:
    """The release that most nodes have."""
    home = given.state.cluster(given.target)
    ids = Counter(
        n.components[component] for n in given.state.nodes_of(given.target) if component in n.components
    )
    if home is None or not ids:
        return None
    best = min(ids, key=lambda name: (-ids[name], name))
    return next((r for r in home.releases if (r.component, r.id) == (component, best)), None)


def _as_applied(reference: str, run: str) -> ResolvedImage:
    if "@" in run:
        return ResolvedImage(reference=reference, origin="registry", run=run, pull=run)
    return ResolvedImage(reference=reference, origin="operator", run=run, image_id=run)


def _repository(reference: str) -> str:
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
