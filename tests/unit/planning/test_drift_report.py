"""The drift report: how grave each entry is, what answers it, what was seen, and what else is near its end."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dynia.interfaces.observed import CertificateSeen, NodeFacts
from dynia.services.planning.certificates import DAY
from dynia.services.planning.components import PEM
from dynia.services.planning.drift_answers import commands_for, commands_for_silent, severity_of
from dynia.services.planning.drift_diffs import texts_wanted
from dynia.services.planning.drift_evidence import moment
from dynia.services.planning.drift_report import DriftReport, Finding, folded
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Drift
from dynia.services.planning.planner import make_plan_with_recipes
from tests.plans import worlds
from tests.unit.screens import drift_samples as samples

SETTLED = samples.settled()
FIRST, SECOND, _ = samples.names(SETTLED)


def report(given: PlanningInput) -> DriftReport:
    return samples.look(given)[0]


def only(given: PlanningInput) -> Finding:
    (found,) = report(given).findings
    return found


def drift(kind: Any = "file", category: Any = "tampered", **more: Any) -> Drift:
    fields = {"node": "misty-owl", "subject": "/opt/dynia/x", "detail": "edited"} | more
    return Drift(kind=kind, category=category, **fields)


@pytest.mark.parametrize("kind", ["file", "unit", "container", "network", "firewall", "node", "record"])
def test_nothing_is_as_grave_as_a_split(kind: str) -> None:
    assert severity_of(drift("reserved_ip", "split"))[0] == "critical"
    for category in ("tampered", "orphan"):
        severity, why = severity_of(drift(kind, category))
        assert severity != "critical" and why


def test_the_gravest_comes_first() -> None:
    found = [one.severity for one in samples.reports()["trouble"][0].findings]
    assert found == ["critical", "medium", "medium", "medium", "low"]


@given(st.text(min_size=1, max_size=600))
def test_a_command_is_one_that_can_be_typed_and_means_that_entry(subject: str) -> None:
    for command in commands_for(drift(subject=f"/opt/dynia/{subject}"), "prod"):
        assert command.isprintable()
        words = shlex.split(command)
        assert words[0] == "dynia" and words[-2:] == ["--cluster", "prod"]
        if words[1] == "drift":
            assert words[3] == f"misty-owl:{subject}"


def test_what_nobody_wanted_is_not_adopted_and_a_split_is_looked_at() -> None:
    mounted = drift(subject="/opt/dynia/services/api/config/app.toml")
    assert [c.split()[2] for c in commands_for(mounted, "prod")[1:]] == ["revert", "adopt", "ignore"]
    for rendered in ("haproxy/haproxy.cfg", "services/api/override.yaml"):
        words = [c.split()[2] for c in commands_for(drift(subject=f"/opt/dynia/{rendered}"), "prod")[1:]]
        assert words == ["revert", "ignore"], "no file of the team's says it"
    assert [c.split()[2] for c in commands_for(drift("unit"), "prod")[1:]] == ["revert", "ignore"]
    assert [c.split()[2] for c in commands_for(drift(category="orphan"), "prod")[1:]] == ["revert", "ignore"]
    assert commands_for(drift("reserved_ip", "split"), "prod") == ("dynia status --cluster prod",)


def test_a_silent_node_is_replaced_by_a_person_and_one_that_is_off_is_started() -> None:
    assert commands_for_silent("a", "off at the provider", "prod") == ("dynia apply --cluster prod",)
    assert "dynia node replace a --cluster prod" in commands_for_silent("a", "connection refused", "prod")


def test_the_evidence_of_a_file_is_who_has_it_and_when_it_was_written() -> None:
    path = "/opt/dynia/haproxy/todo"
    found = only(samples.changed(SETTLED, FIRST, lambda f: samples.with_file(f, path)))
    assert [(e.text, e.at) for e in found.evidence] == [
        ("last written; owner alice:alice, mode 644", samples.NOW - 60)
    ]
    assert (found.category, found.severity, found.since) == ("orphan", "low", samples.NOW - 60)


def test_the_evidence_of_a_container_is_when_it_began() -> None:
    found = only(samples.changed(SETTLED, FIRST, samples.with_container))
    assert found.evidence[0].at == 1_699_992_800
    assert found.evidence[0].text.startswith("last started; running, image 555555555555, 0 restarts")


def test_the_evidence_of_a_split_is_what_each_says() -> None:
    found = only(samples.changed(SETTLED, SECOND, lambda f: replace(f, vrrp="MASTER")))
    assert [one.text for one in found.evidence] == [
        f"the kernel of {FIRST} has it",
        f"VRRP's MASTER is {FIRST} and {SECOND}",
    ]


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("1970-01-01T00:00:05.123456789Z", 5),
        ("1970-01-01T00:00:05Z", 5),
        ("0001-01-01T00:00:00Z", 0),
        ("2023-99-01T00:00:00Z", 0),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_docker_says_when_or_nothing(said: str, at: int) -> None:
    assert moment(said) == at


def test_a_files_mode_does_not_tell_since_when() -> None:
    def opened(facts: NodeFacts) -> NodeFacts:
        files = (replace(f, mode=0o666) if f.path == samples.HAPROXY else f for f in facts.files)
        return replace(facts, files=tuple(files))

    found = only(samples.changed(SETTLED, FIRST, opened))
    assert (found.since, found.diff) == (0, "")
    assert found.why == "its content is as it was applied, who may read or write it is not"


def test_an_edited_text_is_shown_against_what_was_applied() -> None:
    found = only(samples.changed(SETTLED, FIRST, samples.edited))
    assert found.diff.splitlines()[-1] == "+# by hand"
    assert found.diff.splitlines()[0] == f"--- {samples.HAPROXY} (applied)"


def test_it_is_shown_too_while_another_node_is_off() -> None:
    edited = samples.changed(SETTLED, FIRST, samples.edited)
    off = worlds.machine(edited, SECOND, "off")
    found = {one.node: one for one in report(off).findings}
    assert found[FIRST].diff.endswith("+# by hand")
    assert found[SECOND].detail == "off at the provider"


def test_no_file_that_holds_a_secret_is_read() -> None:
    plan, recipes = make_plan_with_recipes(SETTLED)
    secret = {
        file.path
        for parts in recipes.values()
        for recipe in parts.values()
        for file in recipe.release.files
        if file.secret
    }
    given = SETTLED
    for path in sorted({f.path for r in recipes[FIRST].values() for f in r.release.files}):
        given = samples.changed(given, FIRST, lambda f, path=path: samples.edited(f, path))
    plan, recipes = make_plan_with_recipes(given)
    read = {path for paths in texts_wanted(plan, given, recipes).values() for path in paths}
    assert read and not read & secret


def certified(days: float, life: int = 90) -> PlanningInput:
    until = samples.NOW + int(days * DAY)
    seen = CertificateSeen(
        fingerprint="f", chain="c", names=("a",), not_before=until - life * DAY, not_after=until
    )
    return samples.changed(SETTLED, FIRST, lambda f: replace(f, certificates={PEM: seen}))


@pytest.mark.parametrize(
    ("days", "life", "severity"),
    [
        (-1, 90, "critical"),
        (0.5, 90, "high"),
        (8, 90, "medium"),
        (20, 90, "low"),
        (21, 90, None),
        (5, 6, None),
        (1, 6, "high"),
    ],
)
def test_a_certificate_near_its_end_is_told_by_its_days(days: float, life: int, severity: str | None) -> None:
    found = [one.severity for one in report(certified(days, life)).concerns if one.kind == "certificate"]
    assert found == ([severity] if severity else [])


@pytest.mark.parametrize(("used", "severity"), [(84, None), (85, "medium"), (95, "high")])
def test_a_disk_that_is_nearly_full_is_told(used: int, severity: str | None) -> None:
    full = samples.changed(SETTLED, FIRST, lambda f: replace(f, disk_used_percent=used))
    found = [(one.node, one.severity) for one in report(full).concerns]
    assert found == ([(FIRST, severity)] if severity else [])


def test_equal_entries_of_several_nodes_are_one_with_the_earliest_moment() -> None:
    both = samples.changed(SETTLED, FIRST, lambda f: samples.edited(f, ago=50))
    both = samples.changed(both, SECOND, lambda f: samples.edited(f, ago=90))
    (one,) = folded(report(both).findings)
    assert one.nodes == (FIRST, SECOND)
    assert one.since == one.evidence[0].at == samples.NOW - 90


def test_what_only_the_file_asks_for_is_apart() -> None:
    newer = worlds.cluster(3, (worlds.service(image="registry.example/api:1.9"), worlds.worker()))
    found = report(worlds.wanting(SETTLED, newer))
    assert (found.exit_code, found.findings) == (0, ())
    assert "service api" in [line.subject for line in found.changes]
