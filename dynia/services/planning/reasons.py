"""Why a step is taken, in words; worked out once per kind of change, not once per node."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.observed import FileSeen
from dynia.services.planning.compare import OWNER, Comparison, WantedFile
from dynia.services.planning.components.service_secrets import is_service_secret, secret_name
from dynia.services.planning.plan import Step
from dynia.state.model import AppliedRelease

# Made by us from the user's files: it never is the reason of a change.
OURS = "override.yaml"


class Reasons:
    """`causes` says per component why its content changes ("because nodes 3 → 4"); what is not in it is told
    by the files themselves."""

    def __init__(self, causes: Mapping[str, str]) -> None:
        self._causes = causes
        self._changed: dict[tuple[str, str, str], str] = {}

    def push(self, one: Comparison, seen: Mapping[str, FileSeen]) -> str:
        if one.live is None:
            return "because it is not there yet"
        if one.pending:
            return self._content(one)
        said = (f"{short(one.component, p)} {how(one, p, seen)}" for p in one.differ[:3])
        return "because " + ", ".join(said)

    def activate(self, one: Comparison) -> str:
        if one.unfinished:
            return "because an earlier push was cut short"
        return "because " + ", ".join(f"{f.subject} {f.detail}" for f in one.faults[:3])

    def restart(self) -> str:
        return "because somebody asked for it"

    def record(self, one: Comparison) -> str:
        return "because it is in place and the state does not say so"

    def gate(self, one: Comparison, step: Step | None) -> str:
        return step.why if step is not None else "because it is live and not yet known to be good"

    def _content(self, one: Comparison) -> str:
        live = one.live
        key = (one.component, live.id if live else "", one.wanted.id)
        if key not in self._changed:
            cause = self._causes.get(one.component)
            self._changed[key] = cause or _files_changed(live, one)
        return self._changed[key]


def _files_changed(live: AppliedRelease | None, one: Comparison) -> str:
    names = [short(one.component, path) for path in changed_paths(live, one.wanted.files)]
    names = [name for name in names if name != OURS]
    if not names:
        moved = live is not None and live.images != one.wanted.recipe.release.images
        return "because its image changed" if moved else "because its content changed"
    shown = ", ".join(names[:3])
    return f"because {shown}{f' and {len(names) - 3} more' if len(names) > 3 else ''} changed"


def short(component: str, path: str) -> str:
    """A path as people know it: below the component's folder. A secret by its name."""
    if is_service_secret(path):
        return secret_name(path)
    name = component.rsplit("/", 1)[-1]
    _, found, rest = path.partition(f"/{name}/")
    return rest if found else path


def changed_paths(live: AppliedRelease | None, files: tuple[WantedFile, ...]) -> tuple[str, ...]:
    """Paths whose content or mode is another one than in the live release, or that come or go."""
    before = {f.path: (f.digest, f.mode) for f in live.files} if live else {}
    after = {f.path: (f.digest, f.mode) for f in files}
    return tuple(p for p in sorted({*before, *after}) if before.get(p) != after.get(p))


def how(one: Comparison, path: str, seen: Mapping[str, FileSeen]) -> str:
    """How a path differs from what was live, for people."""
    there = seen.get(path)
    if there is None:
        return "is gone"
    if there.kind != "file":
        return f"is a {there.kind}"
    wanted = next((f for f in one.wanted.files if f.path == path), None)
    said = []
    if wanted is None or wanted.secret or there.digest != wanted.digest:
        said.append("was edited" if wanted is None or not wanted.secret else "(changed)")
    if wanted is not None and there.mode != wanted.mode:
        said.append(f"mode {wanted.mode:o} → {there.mode:o}")
    if there.owner != OWNER:
        said.append(f"owner {OWNER} → {there.owner}")
    return ", ".join(said) or "differs"
