"""What a CI run says where there is no plan, or after one: refused, not reviewed, stale, applied, cut."""

from __future__ import annotations

from dynia.commands.screens.apply import end_text
from dynia.commands.screens.error import error_text
from dynia.commands.screens.markdown import Section, block, code, fitted, marker
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_markdown import WIDTH, Link, origin, plan_markdown, signed
from dynia.commands.screens.text import count
from dynia.interfaces.errors import DyniaError
from dynia.services.apply_result import ApplyResult
from dynia.services.ci_record import begun_line, review_lines
from dynia.services.planning.plan import Plan

MERGING = (
    "Merging applies exactly this plan. Where anything is otherwise by then, nothing is touched, "
    "and a comment says so."
)


def plan_comment(plan: Plan, link: Link, *, now: float | None = None) -> str:
    """With the lines by which an apply finds what was reviewed."""
    head = "\n".join([marker("plan", plan.cluster), *review_lines(plan)])
    return plan_markdown(plan, head=head, foot=signed(plan, link, MERGING), now=now)


def no_plan_comment(cluster: str, error: DyniaError, link: Link) -> str:
    """It has no digest, so a merge applies nothing."""
    said = [f"### Dynia plan: {code(cluster)}", "**There is no plan, so merging this applies nothing.**"]
    return _said(marker("plan", cluster), said, error_text(error, width=WIDTH), link)


def checked_only(cluster: str, services: int, link: Link) -> str:
    """For the summary of a run that has no secrets: it can't look at the nodes, nor write a comment."""
    number = count(services, "service")
    said = [
        f"### Dynia plan: {code(cluster)}",
        f"**The file is right ({number}). There is no plan:** this run comes from a fork or a bot and has no "
        "secrets, so it could not look at the nodes. After a merge the plan is shown, and applied by hand.",
    ]
    return _said("", said, "", link)


def not_applied(
    why: str, plan: Plan, error: DyniaError | None, link: Link, *, begun: str = "", now: float | None = None
) -> str:
    """Nothing was touched; the plan of now, and how to apply that. `begun` is the digest of what an earlier
    run has begun."""
    title = f"### Dynia apply: {code(plan.cluster)}"
    head = f"{_head(plan.cluster, begun)}\n\n{title}\n\n**Nothing was touched: {why}**"
    if error is not None:
        head += "\n\n" + block(error_text(error, width=WIDTH), "text", most=40)
    way = f"To apply it: *Actions*, the apply workflow, *Run workflow* with the digest `{plan.digest}`."
    foot = signed(plan, link, way) if not plan.empty else " · ".join(origin(link))
    return plan_markdown(plan, head=head, foot=foot, title="plan of now", now=now)


def begun(cluster: str, digest: str, link: Link) -> str:
    """Before the first step, so that it is known after a runner that was killed."""
    head = _head(cluster, digest)
    said = [
        f"### Dynia apply: {code(cluster)}",
        "**It runs.** If this stays so, the run was cut: run the job again.",
    ]
    return _said(head, said, "", link)


def ended(result: ApplyResult, digest: str, link: Link, *, cut: bool) -> str:
    """How an apply ended. `cut`: the next run goes on."""
    cluster, code_ = result.plan.cluster, result.exit_code
    head = f"{marker('apply', cluster)}\n{begun_line(digest, ended=not cut)}"
    verdict = "Applied." if code_ == 0 else f"Exit {code_}."
    said = [
        f"### Dynia apply: {code(cluster)}",
        f"**{verdict}**{' Run the job again to go on.' if cut else ''}",
    ]
    return _said(head, said, end_text(result, width=WIDTH), link)


def nothing_left(plan: Plan, digest: str, link: Link) -> str:
    """Of a plan that was reviewed: an earlier run did it."""
    head = f"{marker('apply', plan.cluster)}\n{begun_line(digest, ended=True)}"
    said = [f"### Dynia apply: {code(plan.cluster)}", "**Nothing is left to do.**"]
    return _said(head, said, plan_text(plan, width=WIDTH), link)


def failed(cluster: str, error: DyniaError, link: Link, *, begun: str) -> str:
    """An apply that ended with an error. `begun` is the digest of what it, or an earlier run, has begun."""
    way = " Run the job again to go on." if begun else " Nothing was touched."
    said = [f"### Dynia apply: {code(cluster)}", f"**Exit {error.exit_code}.**{way}"]
    return _said(_head(cluster, begun), said, error_text(error, width=WIDTH), link)


def _head(cluster: str, begun: str) -> str:
    first = marker("apply", cluster)
    return f"{first}\n{begun_line(begun, ended=False)}" if begun else first


def _said(head: str, said: list[str], text: str, link: Link) -> str:
    whole = "\n\n".join(filter(None, (head, *said)))
    sections = [Section(lead="", blocks=(block(text, "text"),))] if text else []
    return fitted(whole, sections, " · ".join(origin(link)))
