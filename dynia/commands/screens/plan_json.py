"""The plan and the drift as programs read them (docs/json.md says what each key means)."""

from __future__ import annotations

from dynia.commands.screens.machine import document
from dynia.commands.screens.plan import tally
from dynia.commands.screens.plan_effect import at_most, drained
from dynia.services.planning.ignoring import NOTHING, Silenced
from dynia.services.planning.plan import Drift, Plan, Step


def plan_json(plan: Plan) -> bytes:
    """`dynia plan --json`."""
    return document("plan", plan_body(plan))


def plan_body(plan: Plan) -> dict[str, object]:
    """The plan as a tree of plain values. It holds no secret: contents are in releases, not in plans."""
    done = tally(plan)
    return {
        **_head(plan),
        "empty": plan.empty,
        "summary": {
            "add": done.add,
            "change": done.change,
            "destroy": done.destroy,
            "revert": done.revert,
            "notObserved": len(plan.not_observed),
            "atMostSeconds": at_most(plan),
        },
        "changes": [
            {
                "sign": line.sign,
                "subject": line.subject,
                "nodes": list(line.nodes),
                "everywhere": line.everywhere,
                "details": [{"label": label, "text": text} for label, text in line.details],
                "why": line.why,
            }
            for line in plan.changes
        ],
        "drift": [_drift(drift) for drift in plan.drift],
        "steps": [_step(step) for step in plan.steps],
        "later": [_step(step) for step in plan.later],
        "waiting": [
            {"subject": w.subject, "reason": w.reason, "final": w.final, "paused": w.paused}
            for w in plan.waiting
        ],
        "resumes": [{"service": service, "release": release} for service, release in plan.resumes],
        "targets": list(plan.targets),
        "excludes": list(plan.excludes),
        "replaces": plan.replaces,
        "protect": plan.protect,
        "losses": [{"subject": loss.subject, "how": loss.how} for loss in plan.losses],
        "order": list(plan.order),
        "joining": list(plan.joining),
        "effect": {
            "serving": [
                {"service": s.service, "least": s.least, "wanted": s.wanted, "now": s.now}
                for s in plan.effect.serving
            ],
            "atOnce": plan.effect.at_once,
            "moves": plan.effect.moves,
            "irreversible": plan.effect.irreversible,
            "interrupts": list(plan.effect.interrupts),
            "drained": sorted(drained(plan)),
            "monthlyUsd": plan.effect.monthly,
            "names": plan.effect.names,
            "namesThere": plan.effect.names_there,
            "destroyed": [
                {"kind": d.kind, "gone": d.gone, "there": d.there, "data": d.data}
                for d in plan.effect.destroyed
            ],
            "aboutSeconds": plan.effect.about_s,
        },
        "diffs": [
            {"path": d.path, "nodes": list(d.nodes), "before": d.before, "after": d.after} for d in plan.diffs
        ],
        "content": [{"of": c.of, "path": c.path, "digest": c.digest} for c in plan.content],
        "images": [{"reference": name, "means": means} for name, means in plan.images],
        "digest": plan.digest,
    }


def drift_json(plan: Plan, silenced: Silenced = NOTHING) -> bytes:
    """`dynia drift --json`."""
    body = {
        **_head(plan),
        "drift": [_drift(drift) for drift in plan.drift],
        "ignored": [
            {**_drift(one.drift), "until": one.until, "because": one.because} for one in silenced.ignored
        ],
        "ignoreNotes": list(silenced.notes),
        "pending": len(plan.changes),
        "paused": [{"subject": w.subject, "reason": w.reason} for w in plan.paused],
    }
    return document("drift", body)


def _head(plan: Plan) -> dict[str, object]:
    return {
        "cluster": plan.cluster,
        "generation": plan.generation,
        "serial": plan.serial,
        "lineage": plan.lineage,
        "provider": plan.provider,
        "nodes": plan.node_count,
        "holder": plan.holder,
        "reservedIp": plan.reserved_ip,
        "drainedByHand": list(plan.away),
        "notObserved": [{"node": node, "reason": reason} for node, reason in plan.not_observed],
    }


def _drift(drift: Drift) -> dict[str, object]:
    return {
        "node": drift.node,
        "kind": drift.kind,
        "subject": drift.subject,
        "class": drift.category,
        "detail": drift.detail,
        "since": drift.since,
        "remedy": drift.remedy,
    }


def _step(step: Step) -> dict[str, object]:
    return {
        "id": step.id,
        "action": str(type(step.action).__struct_config__.tag),
        "sentence": step.action.sentence(),
        "node": step.node,
        "why": step.why,
        "after": list(step.after),
        "disturbs": list(step.disturbs),
        "settles": step.settles,
        "irreversible": step.irreversible,
        "deadlineSeconds": step.deadline_s,
    }
