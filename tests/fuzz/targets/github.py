"""Comments of a pull request as GitHub lists them: which one is ours, what was reviewed, and why it is stale."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dynia.commands.screens.error import error_text
from dynia.commands.screens.markdown import marker
from dynia.interfaces.errors import NotObservedError, Stale
from dynia.providers.github import WORKFLOW, comments_in
from dynia.services.ci_record import begun_line, may_go_on, ours, review_lines, review_of, was_cut
from dynia.services.planning.planner import make_plan
from dynia.services.planning.stale import ground, grounds, listed
from tests.fuzz.target import Target
from tests.plans import worlds


class Comments(Target):
    name = "github"
    weight = 100
    examples = 80

    def __init__(self) -> None:
        self._plan = make_plan(worlds.start(worlds.cluster(1)))

    def good(self) -> list[bytes]:
        reviewed = "\n".join([marker("plan", "prod"), *review_lines(self._plan), "", "the plan"])
        begun = f"{marker('apply', 'prod')}\n{begun_line(self._plan.digest, ended=False)}\n\nIt runs."
        return [json.dumps([_comment(1, reviewed), _comment(2, begun), {"id": 3, "user": None}]).encode()]

    def attempt(self, raw: bytes) -> Iterable[str]:
        written = comments_in(raw)
        found, apply = (ours(written, WORKFLOW, marker(kind, "prod")) for kind in ("plan", "apply"))
        review = review_of(found.body if found else "")
        if review is None:
            raise NotObservedError("nothing that was reviewed")
        was_cut(apply.body if apply else "", review.digest)
        if review.ground is None or may_go_on(review, self._plan):
            return ()
        error = Stale(listed("stale:", grounds(review.ground, ground(self._plan))))
        return (error_text(error, width=100),)


def _comment(number: int, body: str) -> dict[str, object]:
    return {"id": number, "body": body, "user": {"login": WORKFLOW}, "created_at": "2026-01-02T03:04:05Z"}
