"""The question before an apply: shows the plan, names the cluster, and takes no answer for a no."""

from __future__ import annotations

import time
from collections.abc import Callable

from dynia.commands.output import Output
from dynia.commands.screens.edit import edit_text
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_effect import interrupted, many_names, why_interrupted
from dynia.interfaces.errors import Interrupted, Refused
from dynia.interfaces.files.rewrite import FileEdit, write_edit
from dynia.interfaces.requests import ApplyRequest, DestroyRequest, Detail
from dynia.services.planning.mass import in_words, much
from dynia.services.planning.plan import Plan
from dynia.services.planning.protect import refuse_losses


def approve_apply(
    request: ApplyRequest, output: Output, edit: FileEdit | None = None
) -> Callable[[Plan], bool]:
    """Whether a plan may be applied. Without a terminal `--yes` must have been said.

    An edit of a file is shown and asked about together with the plan, and written after the yes.
    """

    def approve(plan: Plan) -> bool:
        beside = _beside(request)
        if edit is not None:
            show_edit(edit, output, beside=beside)
        show_plan(plan, request.detail, output, beside=beside)
        refuse_losses(plan)
        agreed = request.yes or request.reviewed or _agreed(plan, request, output, edit)
        agreed = agreed and _downtime_agreed(plan, request, output)
        agreed = agreed and _names_agreed(plan, request, output)
        agreed = agreed and _loss_agreed(plan, request, output)
        if agreed and edit is not None and not edit.empty:
            write_edit(edit)
            (output.tell if beside else output.show)(f"{edit.path} is written.")
        return agreed

    return approve


def approve_destroy(request: DestroyRequest, output: Output) -> Callable[[Plan], bool]:
    """Whether a cluster may be destroyed: its name must be said."""

    def approve(plan: Plan) -> bool:
        show_plan(plan, "normal", output, beside=_beside(request))
        refuse_losses(plan)
        if request.confirmed:
            if request.confirmed != plan.cluster:
                raise Refused(
                    f"cluster {plan.cluster}: --yes-destroy says {request.confirmed!r}, nothing was changed"
                )
            return True
        if not output.can_ask:
            raise Refused(
                f"cluster {plan.cluster}: not destroyed, there is no terminal to ask on",
                hint=f"say --yes-destroy {plan.cluster} if you mean it",
            )
        question = f"This cannot be undone. Type the cluster's name ({plan.cluster}) to destroy it:"
        return _ask(output, question) == plan.cluster

    return approve


def _beside(request: ApplyRequest | DestroyRequest) -> bool:
    """Whether standard output belongs to JSON."""
    return request.as_json or request.progress == "json"


def show_edit(edit: FileEdit, output: Output, *, beside: bool = False) -> None:
    """The lines that change in a file; `beside`: standard output belongs to JSON."""
    if not edit.empty:
        screen = edit_text(edit, color=output.error_color if beside else output.color)
        (output.tell if beside else output.show)(screen + "\n")


def show_plan(plan: Plan, detail: Detail, output: Output, *, beside: bool) -> None:
    screen = plan_text(
        plan,
        width=output.width,
        detail=detail,
        color=output.error_color if beside else output.color,
        now=time.time(),
    )
    (output.tell if beside else output.show)(screen + "\n")


def _agreed(plan: Plan, request: ApplyRequest, output: Output, edit: FileEdit | None) -> bool:
    name = plan.cluster
    if not output.can_ask:
        again = f"`dynia {request.said} --yes --cluster {name}`" if edit is None else "the same with --yes"
        raise Refused(
            f"cluster {name}: not applied, there is no terminal to ask on",
            hint=f"look at the plan above, then say {again}",
        )
    what = f"{'Do this' if request.name else 'Apply these changes'} to cluster {name}?"
    if edit is not None and not edit.empty:
        what = f"Write {edit.path} and apply this to cluster {name}?" if plan.steps else f"Write {edit.path}?"
    return _ask(output, f"{what} Only '{name}' or 'yes' is accepted:") in (name, "yes")


def _downtime_agreed(plan: Plan, request: ApplyRequest, output: Output) -> bool:
    """What interrupts a service, since no other node could take over, is said once more."""
    services = interrupted(plan)
    if not services or request.allow_downtime:
        return True
    names = ", ".join(services)
    if not output.can_ask or request.yes:
        raise Refused(
            f"cluster {plan.cluster}: this interrupts {names}: {why_interrupted(plan)}",
            hint="say --allow-downtime, or "
            + ("add a node first" if plan.node_count == 1 else "mend the others first: `dynia status`"),
        )
    question = f"This interrupts {names}: {why_interrupted(plan)}. Only 'interrupt' is accepted:"
    return _ask(output, question) == "interrupt"


def _names_agreed(plan: Plan, request: ApplyRequest, output: Output) -> bool:
    """Names that leave in numbers are more often a mistake than a wish: that is said once more."""
    if not many_names(plan) or request.force_dns:
        return True
    there = plan.effect.names_there
    what = f"changes or removes {plan.effect.names} of the {there} DNS records that this cluster has"
    if not output.can_ask or request.yes:
        raise Refused(
            f"cluster {plan.cluster}: this {what}",
            hint="look at the plan above; say --force-dns if it is meant",
        )
    return _ask(output, f"This {what}. Only 'names' is accepted:") == "names"


def _loss_agreed(plan: Plan, request: ApplyRequest, output: Output) -> bool:
    """Of what goes in numbers the number is said."""
    gone = much(plan)
    number = sum(one.gone for one in gone)
    if number <= request.allow_destroy:
        return True
    if not output.can_ask or request.yes or request.allow_destroy:
        raise Refused(
            f"cluster {plan.cluster}: this destroys {in_words(gone)}",
            hint=f"look at the plan above; say --allow-destroy {number} if it is meant",
        )
    return _ask(output, f"This destroys {in_words(gone)}. Only '{number}' is accepted:") == str(number)


def _ask(output: Output, question: str) -> str:
    try:
        return output.ask(question)
    except KeyboardInterrupt:
        raise Interrupted("not applied, nothing was changed") from None
