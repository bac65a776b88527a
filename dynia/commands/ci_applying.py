"""Runs `dynia ci apply`: just the plan that was reviewed, and a comment that says how it ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import msgspec

from dynia.commands.applying import applied, tell
from dynia.commands.ci_looking import link_of, planned, results
from dynia.commands.ci_telling import keep_comment, our_comment, outputs, summarize
from dynia.commands.output import Output, standard_output
from dynia.commands.screens import ci_markdown
from dynia.commands.screens.markdown import marker
from dynia.commands.screens.plan import plan_text
from dynia.interfaces.ci_run import CiRun, read_ci_run
from dynia.interfaces.errors import DyniaError, Refused, Stale
from dynia.interfaces.requests import ApplyRequest
from dynia.providers.github import GitHub
from dynia.services.apply_result import ApplyResult
from dynia.services.ci_record import OVER, Review, may_go_on, review_of, settled, was_cut
from dynia.services.planning.plan import Plan
from dynia.services.planning.stale import ground, grounds, listed


def ci_apply(request: ApplyRequest) -> int:
    """Apply what was reviewed, or say why not; the exit code."""
    run = read_ci_run(os.environ)
    if not run.repository and not request.expect:
        raise DyniaError(
            "there is no GITHUB_REPOSITORY, so no pull request whose plan was reviewed",
            hint="say --expect DIGEST, or run `dynia apply`",
        )
    with _hub(run) as hub:
        return _Job(request, run, hub).go()


@contextlib.contextmanager
def _hub(run: CiRun) -> Iterator[GitHub | None]:
    if not run.repository:
        yield None
        return
    with GitHub(os.environ, run.repository) as hub:
        yield hub


class _Job:
    """One run. `pull` is whose merge made this commit, or 0; `begun` once the first step may be done, `open`
    while what this or an earlier run began has no end; `told` once the end is told."""

    def __init__(self, request: ApplyRequest, run: CiRun, hub: GitHub | None) -> None:
        self.request, self.run, self.hub = request, run, hub
        self.cluster = request.target.cluster or ""
        self.output: Output = standard_output()
        self.pull, self.reviewed = 0, ""
        self.begun = self.open = self.told = False

    def go(self) -> int:
        try:
            return self._go()
        except DyniaError as error:
            if not self.told:
                self._failed(error)
            raise

    def _go(self) -> int:
        if self.hub is not None and self.run.commit:
            self.pull = self.hub.merged_pull(self.run.commit, self.run.branch)
        review = review_of(self._said("plan"))
        before = self._said("apply")
        if self.request.expect:
            known = review is not None and review.digest == self.request.expect
            review = review if known else Review(digest=self.request.expect)
        if review is None:
            return self._nobody_reviewed()
        self.reviewed, self.open = review.digest, was_cut(before, review.digest)
        try:
            result = self._applied(review.digest)
        except Stale as stale:
            now = None if self.begun else self._now()
            if now is None:
                raise
            if settled(now):
                return self._nothing_left(now, keep=self.open or not before)
            if not (self.open and may_go_on(review, now)):
                raise self._stale(review, stale, now) from stale
            self.output.tell("The run before this one was cut; what it left is still what was reviewed.")
            result = self._applied(now.digest)
        return self._ended(result)

    def _applied(self, expect: str) -> ApplyResult:
        def agreed(plan: Plan) -> None:
            self.begun = True
            if plan.steps:
                self.open = True
                self._keep(ci_markdown.begun(self.cluster, self.reviewed, link_of(self.run)))

        return applied(msgspec.structs.replace(self.request, expect=expect), self.output, agreed=agreed)

    def _nothing_left(self, now: Plan, *, keep: bool) -> int:
        """What was reviewed is there already: a job that ran once more."""
        self.output.show(plan_text(now, width=self.output.width))
        text = ci_markdown.nothing_left(now, self.reviewed, link_of(self.run))
        self._tell(text, now, 0, keep=keep)
        return 0

    def _stale(self, review: Review, stale: Stale, now: Plan) -> Stale:
        """With more words, where what the reviewed plan rested on is known."""
        error, link = stale, link_of(self.run)
        if review.ground is not None and (why := grounds(review.ground, ground(now))):
            first, *rest = stale.message.splitlines()
            error = Stale(listed(first, (*why, *(line.strip() for line in rest))), hint=stale.hint)
        why_not = "the plan is not the one that was reviewed."
        begun = self.reviewed if self.open else ""
        text = ci_markdown.not_applied(why_not, now, error, link, begun=begun, now=time.time())
        self._tell(text, now, error.exit_code)
        return error

    def _nobody_reviewed(self) -> int:
        now = planned(self.request.target, self.output)
        self.output.show(plan_text(now, width=self.output.width, now=time.time()))
        why = "nobody has reviewed a plan of this commit."
        code = 0 if now.empty and not now.not_observed else 4 if now.empty else Refused.exit_code
        text = ci_markdown.not_applied(why, now, None, link_of(self.run), now=time.time())
        self._tell(text, now, code)
        if code != Refused.exit_code:
            return code
        where = f"pull request {self.pull}" if self.pull else f"commit {self.run.commit[:12]}"
        raise Refused(
            f"cluster {self.cluster}: {where} has no comment of `dynia ci plan`, so no plan was reviewed",
            hint=f"nothing was touched; look at the plan above, then run this with --expect {now.digest}",
        )

    def _now(self) -> Plan | None:
        try:
            return planned(self.request.target, self.output)
        except DyniaError as error:
            self.output.tell(f"Note: there is no new plan: {error.message}")
            return None

    def _ended(self, result: ApplyResult) -> int:
        cut = result.exit_code not in OVER
        text = ci_markdown.ended(result, self.reviewed, link_of(self.run), cut=cut)
        self._tell(text, result.plan, result.exit_code)
        return tell(result, self.output, self.request, verb="apply")

    def _failed(self, error: DyniaError) -> None:
        begun = self.reviewed if self.open else ""
        text = ci_markdown.failed(self.cluster, error, link_of(self.run), begun=begun)
        self._tell(text, None, error.exit_code)

    def _tell(self, text: str, plan: Plan | None, code: int, *, keep: bool = True) -> None:
        self.told = True
        outputs(self.run, results(plan, code))
        summarize(self.run, text)
        if keep:
            self._keep(text)

    def _said(self, kind: str) -> str:
        if self.hub is None or not self.pull:
            return ""
        found = our_comment(self.hub, self.pull, marker(kind, self.cluster))
        return found.body if found else ""

    def _keep(self, text: str) -> None:
        """A comment that can't be written changes nothing about the apply."""
        if self.hub is None or not self.pull:
            return
        try:
            keep_comment(self.hub, self.pull, text)
        except DyniaError as error:
            self.output.tell(f"Note: the pull request was not told: {error.message}")
