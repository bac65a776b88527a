"""Get an image onto a node: pulled by digest, or streamed from the operator's Docker or another node."""

from __future__ import annotations

from dynia.interfaces.errors import ApplyFailed
from dynia.interfaces.node_requests import ImageRequest
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.setback import what_next
from dynia.state.model import Change


class ProvideImage(Action, tag="provide_image"):
    """Exactly one of `pull` (``repo@sha256:...``) and `image_id` (``sha256:...``) is set. `source` is the
    node that it is streamed from, through this machine; empty: the operator's Docker."""

    node: str
    reference: str
    pull: str = ""
    image_id: str = ""
    tag: str = ""
    source: str = ""

    def sentence(self) -> str:
        if self.source:
            return f"copy image {self.reference} from {self.source}"
        return f"{'pull' if self.pull else 'stream'} image {self.reference}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        connection = await tools.connection(self.node)
        source = await tools.connection(self.source) if self.source else None
        request = ImageRequest(
            reference=self.reference, pull=self.pull, image_id=self.image_id, tag=self.tag, fence=tools.fence
        )
        try:
            seen = await connection.provide_image(
                request, source.saved_image(self.image_id) if source else None
            )
        except ApplyFailed as error:
            hint = error.hint or what_next(self.node, error.message)
            raise ApplyFailed(f"{self.node} · {error.message}", hint=hint) from error
        if self.image_id and seen != self.image_id:
            raise ApplyFailed(f"{self.node} · image {self.reference} arrived as {seen}, not {self.image_id}")
        return ()
