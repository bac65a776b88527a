"""The drift report as programs read it (docs/json.md says what each key means)."""

from __future__ import annotations

from dynia.commands.screens.machine import document
from dynia.commands.screens.status import status_body
from dynia.commands.screens.status_view import StatusView
from dynia.services.planning.drift_report import Concern, DriftReport, Folded, folded


def report_json(report: DriftReport, status: StatusView) -> bytes:
    """`drift.json`."""
    return document(
        "drift_report",
        {
            "cluster": report.cluster,
            "generation": report.generation,
            "at": report.at,
            "exitCode": report.exit_code,
            "nodes": report.node_count,
            "drift": [_entry(one) for one in folded(report.findings)],
            "notObserved": [
                {"node": one.node, "reason": one.reason, "commands": list(one.commands)}
                for one in report.silent
            ],
            "concerns": [_concern(one) for one in report.concerns],
            "ignored": [
                {
                    "what": one.what,
                    "nodes": list(one.nodes),
                    "detail": one.detail,
                    "until": one.until,
                    "because": one.because,
                }
                for one in report.ignored
            ],
            "ignoreNotes": list(report.notes),
            "pending": [
                {"sign": one.sign, "subject": one.subject, "nodes": list(one.nodes), "why": one.why}
                for one in report.changes
            ],
            "paused": [{"subject": one.subject, "reason": one.reason} for one in report.paused],
            "runs": [
                {
                    "at": run.at,
                    "exitCode": run.code,
                    "drift": len(run.items),
                    "notObserved": len(run.silent),
                }
                for run in report.runs
            ],
            "status": status_body(status),
        },
    )


def _entry(one: Folded) -> dict[str, object]:
    first = one.first
    return {
        "class": first.category,
        "severity": first.severity,
        "why": first.why,
        "kind": first.kind,
        "what": first.what,
        "detail": first.detail,
        "since": one.since,
        "firstSeen": one.first_seen,
        "runs": one.runs,
        "remedy": first.remedy,
        "commands": list(first.commands),
        "evidence": [{"what": e.what, "text": e.text, "at": e.at} for e in one.evidence],
        "diff": first.diff,
        "on": [
            {
                "item": each.item,
                "node": each.node,
                "since": each.since,
                "firstSeen": each.first_seen,
                "runs": each.runs,
            }
            for each in one.all
        ],
    }


def _concern(one: Concern) -> dict[str, object]:
    return {
        "kind": one.kind,
        "node": one.node,
        "severity": one.severity,
        "detail": one.detail,
        "command": one.command,
        "daysLeft": one.left,
        "usedPercent": one.used,
    }
