"""Run a command once in the image of a release that comes, on one node, beside what runs there."""

from __future__ import annotations

import shlex

from dynia.interfaces.errors import ApplyFailed
from dynia.interfaces.node_requests import PushRequest
from dynia.services.actions.answered import must_be_done
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.setback import out_of_room, what_next
from dynia.services.actions.unsaid import unsaid
from dynia.state.model import Change, SetPreDeployed

# What it takes to come to the command (the node's lock, the files), and to sweep up after it.
BEFORE_AND_AFTER_S = 120.0


class PreDeploy(Action, tag="pre_deploy"):
    """Not done again once its end is recorded, whoever goes on. Whoever is killed before that repeats it."""

    node: str
    service: str
    component: str
    release: str
    command: tuple[str, ...]
    timeout_s: float

    def sentence(self) -> str:
        return f"pre-deploy {self.service}: {' '.join(shlex.join(self.command).split())}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        recipe = tools.recipe(self.node, self.component, self.release)
        request = PushRequest(
            # Apart from the component itself: a push of it that died must not be taken up by this.
            component=f"pre-deploy/{self.service}",
            lineage=tools.lineage,
            fence=tools.fence,
            files=recipe.release.files,
            check=recipe.pre_deploy,
            swap=False,
            deadline_s=self.timeout_s + BEFORE_AND_AFTER_S,
        )
        connection = await tools.connection(self.node)
        answer = await connection.push(request)
        if answer.phase == "check":
            full = out_of_room(answer.output, answer.room)
            told = (*unsaid(answer.output, recipe.release.files).splitlines()[-20:], *full)
            said = f"{self.node} · pre-deploy of {self.service} failed; its release is on no node"
            raise ApplyFailed(
                "\n".join((said, *(f"    {line}" for line in told))),
                hint=what_next(self.node, answer.output, full)
                or "mend what it says, then apply again: the command runs once more",
            )
        must_be_done(self.node, f"pre-deploy of {self.service}", answer)
        return (SetPreDeployed(cluster=tools.cluster, service=self.service, release=self.release),)
