"""What image references mean for this plan, also where a registry did not answer."""

from __future__ import annotations

from collections import Counter

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused
from dynia.interfaces.observed import ResolvedImage, UnresolvedImage
from dynia.interfaces.shape import Shape
from dynia.services.planning.components.caddy import caddy_component
from dynia.services.planning.inputs import PlanningInput
from dynia.state.model import AppliedRelease

SILENT = "did not answer"


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
