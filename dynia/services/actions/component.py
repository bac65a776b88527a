"""Bring a component of a node to a release, wake it up again, or take it away."""

from __future__ import annotations

import msgspec

from dynia.interfaces.errors import ApplyFailed, Stale
from dynia.interfaces.node_requests import (
    ExecRequest,
    ExpectedFile,
    PushAnswer,
    PushRequest,
    RemoveRequest,
)
from dynia.interfaces.pem import PemError, read_pem
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.answered import must_be_done
from dynia.services.actions.base import Action, Recipe, Tools
from dynia.services.actions.confirm import push_confirmed
from dynia.services.actions.unsaid import of_source, unsaid
from dynia.state.model import (
    AppliedFile,
    AppliedRelease,
    Change,
    DropComponent,
    SetComponent,
    SetPushed,
)

# A removal stops it first, and what it needs for that may not answer.
_NOT_GONE = "none of its files is gone; what it ran may be stopped"


class PushComponent(Action, tag="push_component"):
    """Writes the files in `write` (contents come from the release), removes `delete`, then activates.

    `expected` is what those paths, and the component's others, looked like when the plan was made (law 4):
    all of them are activated. `gated`: a later step decides whether the release is good, so it is recorded
    as pushed, not as applied. `keeper` is the node that a secret file is taken from, where its source is
    not here.
    """

    node: str
    component: str
    release: str
    write: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    expected: tuple[ExpectedFile, ...] = ()
    gated: bool = False
    keeper: str = ""

    def sentence(self) -> str:
        return f"push {self.component}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        recipe = tools.recipe(self.node, self.component, self.release)
        request = PushRequest(
            component=self.component,
            lineage=tools.lineage,
            fence=tools.fence,
            files=await self._files(tools, recipe.release),
            delete=self.delete,
            data=recipe.release.data,
            expected=self.expected,
            check=recipe.check,
            activate=recipe.activate,
            probe=recipe.probe,
        )
        await _push(tools, self.node, request, recipe)
        return (_record(tools.cluster, self.node, recipe.release, gated=self.gated),)

    async def _files(self, tools: Tools, release: Release) -> tuple[ReleaseFile, ...]:
        files = tuple(f for f in release.files if f.path in self.write)
        for lacking in (f for f in files if of_source(f) and not f.content):
            raise ApplyFailed(
                f"{self.node} · {lacking.path}: its source is not here; nothing was written",
                hint="`dynia secrets check` says which are missing",
            )
        if not self.keeper:
            return files
        return tuple([await kept_content(tools, self.keeper, f) if f.identity else f for f in files])


class ActivateComponent(Action, tag="activate_component"):
    """Files are right, but what they describe does not run as it should: `faults` says how. `expected` as in
    a push: what lies there by then is what is brought to life."""

    node: str
    component: str
    release: str
    faults: tuple[str, ...] = ()
    expected: tuple[ExpectedFile, ...] = ()
    gated: bool = False

    def sentence(self) -> str:
        return f"activate {self.component}"

    def script(self, recipe: Recipe) -> str:
        return recipe.activate

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        recipe = tools.recipe(self.node, self.component, self.release)
        request = PushRequest(
            component=self.component,
            lineage=tools.lineage,
            fence=tools.fence,
            expected=self.expected,
            check=recipe.check,
            activate=self.script(recipe),
            probe=recipe.probe,
        )
        await _push(tools, self.node, request, recipe)
        return (_record(tools.cluster, self.node, recipe.release, gated=self.gated),)


class RestartComponent(ActivateComponent, tag="restart_component"):
    """Nothing has to be wrong with it: somebody asked for it. Its containers are made again, as they are."""

    def sentence(self) -> str:
        return f"restart {self.component}"

    def script(self, recipe: Recipe) -> str:
        return recipe.restart


class RecordComponent(Action, tag="record_component"):
    """A node already is on this release, as observed, but the state does not say so: record it."""

    node: str
    component: str
    release: str

    def sentence(self) -> str:
        return f"record {self.component}, which is in place"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        release = tools.recipe(self.node, self.component, self.release).release
        return (_record(tools.cluster, self.node, release, gated=False),)


class RemoveComponent(Action, tag="remove_component"):
    """Takes a component (a service that left the file, a stray file) off a node: what was seen there, and
    nothing that came since (law 4). `everything`: the host is left, and nothing of ours stays."""

    node: str
    component: str
    paths: tuple[str, ...]
    expected: tuple[ExpectedFile, ...] = ()
    deactivate: str = ""
    everything: bool = False

    def sentence(self) -> str:
        return f"remove {self.component}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        request = RemoveRequest(
            component=self.component,
            lineage=tools.lineage,
            fence=tools.fence,
            paths=self.paths,
            expected=self.expected,
            deactivate=self.deactivate,
            everything=self.everything,
        )
        connection = await tools.connection(self.node)
        must_be_done(self.node, self.component, await connection.remove(request), _NOT_GONE)
        return (DropComponent(cluster=tools.cluster, node=self.node, component=self.component),)


async def kept_content(tools: Tools, keeper: str, file: ReleaseFile) -> ReleaseFile:
    """The file with what a node has there: in memory only, and only if it is what the plan saw."""
    connection = await tools.connection(keeper)
    told = await connection.exec(ExecRequest(argv=("cat", file.path)))
    try:
        found = read_pem(told.stdout, told.stdout)
    except PemError as error:
        raise Stale(f"{keeper} · {file.path} {error}", hint="plan again") from error
    if found.seen.chain != file.identity or not found.seen.fits:
        raise Stale(f"{keeper} · changed since plan: {file.path}", hint="look at the change, then plan again")
    return msgspec.structs.replace(file, content=found.content)


def applied(release: Release) -> AppliedRelease:
    """What the state remembers of a release: no content, no secret."""
    return AppliedRelease(
        component=release.component,
        id=release.id,
        files=tuple(
            AppliedFile(path=f.path, mode=f.mode, digest=f.digest)
            for f in sorted(release.files, key=lambda f: f.path)
        ),
        containers=dict(sorted(release.containers.items())),
        images=release.images,
        data=release.data,
    )


async def _push(tools: Tools, node: str, request: PushRequest, recipe: Recipe) -> None:
    if recipe.confirmed:
        answer = await push_confirmed(tools, node, request)
    else:
        answer = await (await tools.connection(node)).push(request)
    must_be_done(node, request.component, _without_secrets(answer, recipe.release))


def _record(cluster: str, node: str, release: Release, *, gated: bool) -> Change:
    kept = applied(release)
    if gated:
        return SetPushed(cluster=cluster, node=node, release=kept)
    return SetComponent(cluster=cluster, node=node, release=kept)


def _without_secrets(answer: PushAnswer, release: Release) -> PushAnswer:
    return msgspec.structs.replace(answer, output=unsaid(answer.output, release.files))
