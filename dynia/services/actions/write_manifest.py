"""Give a node its manifest: what it keeps of the cluster, for the day on which the state is lost."""

from __future__ import annotations

from dynia.interfaces.node_requests import ExpectedFile, PushRequest
from dynia.interfaces.release import ReleaseFile
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.component import must_be_done
from dynia.state.manifest import MODE, PATH, Sealer
from dynia.state.model import Change

# Its transaction on the node goes by this name. No component has it, and no release.
MANIFEST = "manifest"


class WriteManifest(Action, tag="write_manifest"):
    """`expected` is what was seen in its place: a manifest that somebody else wrote since is newer than what
    is known here. What is written is the state at that moment."""

    node: str
    expected: tuple[ExpectedFile, ...] = ()

    def sentence(self) -> str:
        return "write the manifest"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await write_manifest(tools, self, Sealer(tools.state(), tools.cluster))
        return ()


async def write_manifest(tools: Tools, action: WriteManifest, sealer: Sealer) -> None:
    """A push like any other: under the node's lock, atomically, and only over what was seen."""
    home = tools.state().cluster(tools.cluster)
    content = sealer.content(action.node, serial=home.serial if home else 0, fencing=tools.fencing)
    request = PushRequest(
        component=MANIFEST,
        lineage=tools.lineage,
        fence=tools.fence,
        files=(ReleaseFile(path=PATH, mode=MODE, content=content),),
        expected=action.expected,
        # The rename is in the node's journal before long; what the file holds is on its disk now.
        activate=f"sync {PATH}\n",
    )
    connection = await tools.connection(action.node)
    must_be_done(action.node, MANIFEST, await connection.push(request))
