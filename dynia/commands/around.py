"""What the team wants around an apply: its own commands on this machine, and webhooks that are told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping

from dynia.commands.hook import Ended, run_hook
from dynia.commands.screens.hook_json import Run, hook_json
from dynia.commands.screens.text import clean
from dynia.interfaces.desired import ClusterSpec, EnvSource, Hooks, Webhook
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.https_url import host_of
from dynia.providers.webhooks import Pause, post
from dynia.services.apply_result import PAUSED, ApplyResult
from dynia.services.planning.drift_runs import Alert
from dynia.services.planning.plan import Plan
from dynia.services.session import Session

MOST_LINES = 50
MOST_SAID = 200


class Around:
    """The hooks of one run. `say` shows a line; `begun` is the plan that was approved, once anything may be
    done: only then is there an end to tell."""

    def __init__(
        self,
        spec: ClusterSpec | None,
        session: Session,
        verb: str,
        say: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._hooks = spec.hooks if spec else Hooks()
        self._webhooks = spec.notify if spec else ()
        self._session, self._verb, self._say = session, verb, say
        self._environ, self._pause = environ, pause
        self.begun: Plan | None = None

    def before_plan(self) -> None:
        """Raises Refused where the command says no."""
        self._before("pre_plan", self._hooks.pre_plan, None)

    def before_apply(self, plan: Plan) -> None:
        """After the yes to this plan, and before the first step. Raises Refused where the command says no."""
        if plan.steps:
            self._before("pre_apply", self._hooks.pre_apply, plan)
            self.begun = plan

    def after(self, end: ApplyResult | DyniaError) -> None:
        """What fails here is told: the apply has ended as it has."""
        if self.begun is None:
            return
        well = isinstance(end, ApplyResult) and end.exit_code in (0, 4, PAUSED)
        event, argv = (
            ("post_apply", self._hooks.post_apply) if well else ("on_failure", self._hooks.on_failure)
        )
        facts = self._facts(event, self.begun, end)
        if argv and (why := self._run(event, argv, facts).why):
            self._say(f"hooks.{event} failed ({why}): that changes nothing about the {self._verb}")
        self._tell(event, facts)

    def drifted(self, plan: Plan, alert: Alert) -> bool:
        """What stays differs, or nothing does any more. Whether a webhook heard of it."""
        facts = self._facts("drift", plan, None, alert)
        if not any("drift" in webhook.events for webhook in self._webhooks):
            self._say("nobody is told: no webhook under `notify:` has the event drift")
        return self._tell("drift", facts)

    def _before(self, event: str, argv: tuple[str, ...], plan: Plan | None) -> None:
        if argv:
            ended = self._run(event, argv, self._facts(event, plan, None, whole=True))
            if ended.why:
                said = clean(ended.output).strip().rpartition("\n")[2].strip()
                raise Refused(
                    f"cluster {self._session.cluster}: hooks.{event} said no ({ended.why})"
                    + (f": {said[:MOST_SAID]}" if said else ""),
                    hint="nothing was touched; all that it said stands above",
                )
        self._tell(event, self._facts(event, plan, None))

    def _run(self, event: str, argv: tuple[str, ...], facts: bytes) -> Ended:
        ended = run_hook(argv, self._hooks.folder, facts, self._hooks.timeout)
        for line in clean(ended.output).splitlines()[-MOST_LINES:]:
            self._say(f"{event}: {line}")
        return ended

    def _tell(self, event: str, facts: bytes) -> bool:
        heard = False
        for number, webhook in enumerate(self._webhooks):
            if event in webhook.events:
                where, why = self._told(webhook, facts)
                heard = heard or not why
                if why:
                    self._say(f"notify[{number}] ({where}) was not told of {event}: {clean(why)}")
        return heard

    def _told(self, webhook: Webhook, facts: bytes) -> tuple[str, str]:
        url = webhook.url
        if isinstance(url, EnvSource):
            found = self._environ.get(url.env, "")
            if not found:
                return url.env, "the variable is not set"
            return url.env, asyncio.run(post(found.strip(), facts, self._pause))
        return host_of(url), asyncio.run(post(url, facts, self._pause))

    def _facts(
        self,
        event: str,
        plan: Plan | None,
        end: ApplyResult | DyniaError | None,
        alert: Alert | None = None,
        *,
        whole: bool = False,
    ) -> bytes:
        session = self._session
        home = session.store.state.cluster(session.cluster)
        run = Run(
            verb=self._verb,
            cluster=session.cluster,
            generation=plan.generation if plan else home.generation if home else 0,
            at=time.time(),
            by=session.lessee,
            commit=session.commit,
            url=session.lease.url if session.lease else "",
        )
        return hook_json(event, run, plan, end, alert, whole=whole)
