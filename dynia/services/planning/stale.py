"""Why a plan that was reviewed is not the plan of today: what differs, in words, the most telling first."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dynia.interfaces.errors import Stale
from dynia.interfaces.node_requests import ExpectedFile
from dynia.interfaces.observed import DnsRecord
from dynia.interfaces.shape import Shape
from dynia.services.actions import BindDns, UnbindDns
from dynia.services.planning.content import BUILT_IN
from dynia.services.planning.digest import essence
from dynia.services.planning.plan import Content, Drift, Plan, Step

MOST = 5
NAMES = 3


class Reviewed(Shape):
    """What was approved: the digest of a plan, and the plan itself where it was kept."""

    digest: str
    plan: Plan | None = None


class Ground(Shape):
    """What a plan rests on that is known without asking anybody: the state, and what is wanted."""

    lineage: str
    serial: int
    generation: int
    content: tuple[Content, ...] = ()


def check_reviewed(reviewed: Reviewed, now: Plan) -> None:
    """Raises `Stale` where the plan of today is another one than the one that was approved (law 4)."""
    if reviewed.digest == now.digest:
        return
    if reviewed.plan is not None:
        found = reasons(reviewed.plan, now)
        raise Stale(
            listed(f"the plan of cluster {now.cluster} is stale; nothing was touched:", found),
            hint="`dynia plan`, look at it, then apply that",
        )
    raise Stale(
        listed(
            f"cluster {now.cluster}: the plan is not the one that was reviewed; nothing was touched:",
            (f"reviewed  {reviewed.digest}", f"now       {now.digest}", *_striking(now)),
        ),
        hint="`dynia plan --full` shows it and its digest",
    )


def listed(first: str, found: tuple[str, ...]) -> str:
    """The first line, then at most a handful of reasons."""
    lines = [first, *(f"  {reason}" for reason in found[:MOST])]
    if len(found) > MOST:
        lines.append(f"  and {len(found) - MOST} more")
    return "\n".join(lines)


def ground(plan: Plan) -> Ground:
    """What a plan was made on."""
    return Ground(lineage=plan.lineage, serial=plan.serial, generation=plan.generation, content=plan.content)


def grounds(saved: Ground, now: Ground) -> tuple[str, ...]:
    """What differs in what a plan rests on."""
    if saved.lineage != now.lineage:
        return (f"the state is another one: lineage {saved.lineage or 'none'} → {now.lineage or 'none'}",)
    found = []
    if (saved.serial, saved.generation) != (now.serial, now.generation):
        said = f"serial {saved.serial} → {now.serial}"
        if saved.generation != now.generation:
            said += f", generation {saved.generation} → {now.generation}"
        older = now.serial < saved.serial
        found.append(
            f"the state is older than the plan ({said})" if older else f"another apply ran since ({said})"
        )
    return (*found, *_contents(saved.content, now.content))


def reasons(saved: Plan, now: Plan) -> tuple[str, ...]:
    """Every difference between two plans that makes their digests differ; nothing where they are equal."""
    if saved.digest == now.digest:
        return ()
    if saved.cluster != now.cluster:
        return (f"it is a plan of cluster {saved.cluster}, not of {now.cluster}",)
    found = [*grounds(ground(saved), ground(now))]
    if saved.lineage != now.lineage:
        return tuple(found)
    drift, told = _drift(saved.drift, now.drift)
    found += drift
    found += _expected(saved, now, told)
    found += _observed(saved, now)
    found += _records(saved, now)
    found += _steps(saved, now)
    return tuple(found or _rest(saved, now))


def _contents(saved: tuple[Content, ...], now: tuple[Content, ...]) -> list[str]:
    before = {(part.of, part.path): part.digest for part in saved}
    after = {(part.of, part.path): part.digest for part in now}
    found = []
    for of, path in sorted({*before, *after}, key=lambda key: (key[0] == BUILT_IN, key)):
        was, is_now = before.get((of, path)), after.get((of, path))
        if was == is_now:
            continue
        if of == BUILT_IN:
            found.append("this Dynia renders from other templates than the one that made the plan")
            continue
        how = "is new" if was is None else "is gone" if is_now is None else "was edited"
        found.append(f"{of}: {path} {how}")
    return found


def _drift(saved: tuple[Drift, ...], now: tuple[Drift, ...]) -> tuple[list[str], set[tuple[str, str]]]:
    """Drift that came or went; and the (node, path) that are told by it."""
    before = {_thing(drift): drift for drift in saved}
    after = {_thing(drift): drift for drift in now}
    came = [drift for key, drift in after.items() if key not in before]
    went = [drift for key, drift in before.items() if key not in after]
    changed = {(drift.node, drift.subject) for drift in came}
    went = [drift for drift in went if (drift.node, drift.subject) not in changed]
    told = _folded((_where(drift), f"{drift.subject} {_how(drift.detail)}") for drift in came)
    told += _folded((_where(drift), f"{drift.subject} is no drift any more") for drift in went)
    return told, changed | {(drift.node, drift.subject) for drift in went}


def _thing(drift: Drift) -> tuple[str, str, str, str]:
    return (drift.node, drift.kind, drift.subject, drift.detail)


def _where(drift: Drift) -> str:
    """The node, if it is not the subject itself."""
    return drift.node if drift.node != drift.subject else ""


def _how(detail: str) -> str:
    return {"edited": "was edited", "gone": "is gone"}.get(detail, detail)


def _expected(saved: Plan, now: Plan, told: set[tuple[str, str]]) -> list[str]:
    """Files that a step of both plans touches, and that looked otherwise when it was reviewed."""
    before = {step.id: step for step in saved.steps}
    found = []
    for step in now.steps:
        if step.id not in before:
            continue
        was = {file.path: file for file in _files(before[step.id])}
        for file in _files(step):
            if file.path in was and was[file.path] != file and (step.node, file.path) not in told:
                found.append((step.node, f"{file.path} {_edited(was[file.path], file)}"))
    return _folded(found)


def _files(step: Step) -> tuple[ExpectedFile, ...]:
    found = getattr(step.action, "expected", ())
    return tuple(file for file in found if isinstance(file, ExpectedFile))


def _edited(was: ExpectedFile, now: ExpectedFile) -> str:
    if not now.digest or not was.digest:
        return "is there now" if now.digest else "is gone"
    if was.digest != now.digest:
        return "was edited"
    if was.mode != now.mode:
        return f"has mode {now.mode:o} now, not {was.mode:o}"
    return f"belongs to {now.owner} now, not to {was.owner}"


def _observed(saved: Plan, now: Plan) -> list[str]:
    found = []
    before, after = dict(saved.not_observed), dict(now.not_observed)
    found += [f"{name} does not answer now ({after[name]})" for name in after if name not in before]
    found += [f"{name} answers again" for name in before if name not in after]
    found += [f"{name} is drained by hand now" for name in now.away if name not in saved.away]
    found += [f"{name} is not drained by hand any more" for name in saved.away if name not in now.away]
    if saved.holder != now.holder:
        found.append(
            f"the reserved IP moved: {saved.holder or 'nobody'} had it, {now.holder or 'nobody'} has it now"
        )
    if saved.reserved_ip != now.reserved_ip:
        found.append(f"the reserved IP is {now.reserved_ip or 'none'} now, not {saved.reserved_ip or 'none'}")
    meant, means = dict(saved.images), dict(now.images)
    for name in sorted({*meant} & {*means}):
        if meant[name] != means[name] and meant[name] and means[name]:
            found.append(f"image {name} means {_brief(means[name])} now, not {_brief(meant[name])}")
    return found


def _brief(image: str) -> str:
    """Twelve digits of a digest are enough to tell it from another."""
    name, colon, digest = image.rpartition("sha256:")
    return f"{name.rpartition('@')[2]}{colon}{digest[:12]}" if colon else image


def _records(saved: Plan, now: Plan) -> list[str]:
    """DNS records that a step of both plans changes, and that were others when it was reviewed."""
    before = {step.id: _found(step) for step in saved.steps}
    found = []
    for step in now.steps:
        action, was = step.action, before.get(step.id, ())
        if isinstance(action, BindDns | UnbindDns) and step.id in before and was != _found(step):
            found.append(f"dns {action.domain} is {_values(_found(step))} now, not {_values(was)}")
    return found


def _found(step: Step) -> tuple[DnsRecord, ...]:
    match step.action:
        case BindDns(found=found):
            return found
        case UnbindDns(found=found):
            return (found,)
        case _:
            return ()


def _values(records: tuple[DnsRecord, ...]) -> str:
    return " and ".join(f"{record.type} {record.value}" for record in records) or "nothing"


def _steps(saved: Plan, now: Plan) -> list[str]:
    before, after = _deeds(saved), _deeds(now)
    new = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    other = [name for name in after if name in before and before[name] != after[name]]
    found = []
    for names, one, many in (
        (new, "step {} is new", "{} steps are new: {}"),
        (gone, "step {} is no longer needed", "{} steps are no longer needed: {}"),
        (other, "step {} is another one than reviewed", "{} steps are other ones than reviewed: {}"),
    ):
        if len(names) == 1:
            found.append(one.format(_sentence(names[0], saved, now)))
        elif names:
            found.append(many.format(len(names), _some(names)))
    return found


def _deeds(plan: Plan) -> dict[str, object]:
    """What each step does, without what it saw before: that is told by itself."""
    kept = essence(plan)
    return {step.id: _deed(step) for step in (*kept.steps, *kept.later)}


def _deed(step: Step) -> object:
    asdict = msgspec.structs.asdict
    action = {name: value for name, value in asdict(step.action).items() if name not in ("expected", "found")}
    return (type(step.action), action, {n: value for n, value in asdict(step).items() if n != "action"})


def _sentence(name: str, saved: Plan, now: Plan) -> str:
    """A step by its id, and what it does now."""
    for step in (*now.steps, *now.later, *saved.steps, *saved.later):
        if step.id == name:
            return f"{name} ({step.action.sentence()})"
    return name


def _rest(saved: Plan, now: Plan) -> list[str]:
    """What is told by no words of its own: the order, the price, what it costs."""
    words = {
        "changes": "the list of changes is another one", "diffs": "files become something else",
        "steps": "the steps see something else", "later": "the steps of the passes after it are others",
        "order": "the order of the nodes is another one", "joining": "other nodes join",
        "effect": "what it costs is something else", "drift": "what drifted is told otherwise",
        "targets": "it is of another part of the file (--target)",
        "excludes": "it is of another part of the file (--exclude)",
        "replaces": "another node is replaced",
        "resumes": "other releases go on after their canary",
        "node_count": "the number of nodes is another one", "provider": "the provider is another one",
    }  # fmt: skip
    before, after = essence(saved), essence(now)
    differ = [name for name in Plan.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    return [words.get(name, f"{name} is another one") for name in differ]


def _striking(now: Plan) -> list[str]:
    """Of the reviewed plan only its digest is here: what the plan of today has that nobody wished for."""
    found = _folded((_where(d), f"{d.subject} {_how(d.detail)} (drift, seen now)") for d in now.drift)
    return [*found, *(f"{name} does not answer ({reason})" for name, reason in now.not_observed)]


def _folded(found: Iterable[tuple[str, str]]) -> list[str]:
    """(node, what) as sentences; the same on several nodes is one."""
    nodes: dict[str, list[str]] = {}
    for node, what in found:
        nodes.setdefault(what, []).append(node)
    return [f"{_some(names)}: {what}" if any(names) else what for what, names in nodes.items()]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more
