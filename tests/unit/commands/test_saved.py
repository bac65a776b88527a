"""`dynia show`, and what `dynia plan --out` and `dynia apply` make of plan files before they ask anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from dynia.commands import apply, plan, show
from dynia.commands.approval import approve_apply
from dynia.commands.output import Output
from dynia.commands.saved import taken_up
from dynia.interfaces.clusters_file import load
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.plan_file import write_plan
from dynia.interfaces.requests import ApplyRequest, Target
from dynia.interfaces.templates import builtin_templates
from dynia.services.planning.content import content_of
from dynia.services.planning.digest import sealed
from dynia.services.saved_plan import SavedPlan
from dynia.state.store import open_store
from tests.fakes import states
from tests.unit.screens.samples import IMAGE_CHANGE, ONE_NODE

replace = msgspec.structs.replace
FILE = """\
# who: the web team
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    services:
      api: {compose: ./api/compose.yaml, domains: [api.example.com], target: web:8000}
  staging:
    provider: {kind: docker}
    nodes: {count: 1}
"""
COMPOSE = """\
services:
  web:
    image: ghcr.io/acme/api:1.8
    volumes: ["./config:/etc/api:ro"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file, a state, and a plan of the two that was just saved, as prod.plan."""
    (tmp_path / "clusters.yaml").write_text(FILE)
    (tmp_path / "api" / "config").mkdir(parents=True)
    (tmp_path / "api" / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "api" / "config" / "app.toml").write_text("level = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("DYNIA_CLUSTER", "DYNIA_FILE", "DYNIA_DIGITALOCEAN_URL"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, "prod")
    save(tmp_path)
    yield tmp_path


def write(folder: Path, cluster: str) -> None:
    store = open_store(folder)
    with store.lock(cluster, "test"):
        store.write(cluster, states.recorded(cluster), "because")


def save(folder: Path, **fields: object) -> None:
    """As `dynia plan --out` does after a look at a world in which an image moved."""
    state = open_store(folder, make=False).state
    home = state.cluster("prod")
    assert home is not None
    spec = next(s for s in load(folder / "clusters.yaml").clusters if s.name == "prod")
    made = replace(
        IMAGE_CHANGE,
        lineage=state.lineage,
        serial=home.serial,
        generation=home.generation,
        content=content_of(spec, builtin_templates()),
        **fields,
    )
    path = folder / "prod.plan"
    write_plan(path, SavedPlan(by="ci", at=1_800_000_000, commit="9d2e11a0", tool="2.0", plan=sealed(made)))


def run(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command.command, list(arguments), catch_exceptions=True)  # type: ignore[attr-defined]


def shown(*arguments: str) -> str:
    result = run(show, *arguments)
    assert result.exit_code == 0, result.exception
    return result.output


def test_a_plan_is_shown_as_it_was_and_nothing_is_written(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    text = shown("prod.plan")
    assert text.startswith("Saved 2027-01-15 08:00 UTC by ci · commit 9d2e11a0 · Dynia 2.0\n")
    assert "service api" in text and "Plan: 0 to add, 1 to change, 0 to destroy." in text
    assert "File and state are as they were." in text and "Stale" not in text
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_comments_and_other_clusters_make_no_plan_stale(folder: Path) -> None:
    text = FILE.replace("the web team", "the api team").replace("{count: 1}", "{count: 2}")
    (folder / "clusters.yaml").write_text(text)
    write(folder, "staging")
    assert "Stale" not in shown("prod.plan")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("clusters.yaml", "count: 3", "count: 4"), "clusters.yaml: nodes was edited"),
        (("api/compose.yaml", "1.8", "1.9"), "service api: compose.yaml was edited"),
        (("api/config/app.toml", "1", "2"), "service api: config/app.toml was edited"),
        (("clusters.yaml", "  prod:", "  live:"), "cluster prod is no longer in clusters.yaml"),
    ],
)
def test_what_was_edited_since_is_named(folder: Path, edit: tuple[str, str, str], said: str) -> None:
    path, old, new = edit
    (folder / path).write_text((folder / path).read_text().replace(old, new))
    assert f"Stale because\n  {said}\n" in shown("prod.plan")
    assert json.loads(shown("prod.plan", "--json"))["stale"] == [said]


def test_another_apply_since_makes_it_stale(folder: Path) -> None:
    write(folder, "prod")
    assert "Stale because\n  another apply ran since (serial 1 → 2)" in shown("prod.plan")


def test_another_state_makes_it_stale(folder: Path) -> None:
    for path in (folder / "state.json", *(folder / ".dynia" / "journal").rglob("*.json")):
        path.unlink()
    write(folder, "prod")
    assert "Stale because\n  the state is another one: lineage " in shown("prod.plan")


@pytest.mark.parametrize("what", ["elsewhere", "broken file", "broken state", "no state"])
def test_it_is_shown_also_where_nothing_can_be_compared(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    plan_file = str(folder / "prod.plan")
    match what:
        case "elsewhere":
            monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        case "broken file":
            (folder / "clusters.yaml").write_text("clusters: [")
        case "broken state":
            (folder / "state.json").write_text("{")
        case _:
            (folder / "state.json").unlink()
            for path in (folder / ".dynia" / "journal").rglob("*.json"):
                path.unlink()
    text = shown(plan_file)
    assert "Plan: 0 to add, 1 to change" in text and "Not compared: " in text
    assert not json.loads(shown(plan_file, "--json"))["stale"]


def test_without_a_state_an_edit_is_still_seen(folder: Path) -> None:
    (folder / "state.json").write_text("{")
    (folder / "api" / "config" / "app.toml").write_text("level = 7\n")
    text = shown("prod.plan")
    assert "service api: config/app.toml was edited" in text and "Not compared" in text


def test_the_json_is_what_a_plan_is_and_more(folder: Path) -> None:
    whole = json.loads(shown("prod.plan", "--json"))
    assert (whole["format"], whole["by"], whole["plan"]["cluster"]) == ("dynia.show", "ci", "prod")
    assert whole["plan"]["digest"].startswith("sha256:")


def error_of(result: Result) -> DyniaError:
    assert isinstance(result.exception, DyniaError), result.output
    return result.exception


def test_a_plan_file_is_not_applied_to_another_cluster(folder: Path) -> None:
    error = error_of(run(apply, "prod.plan", "--cluster", "staging"))
    assert (
        isinstance(error, Refused)
        and "is a plan of cluster prod, and --cluster says staging" in error.message
    )


def test_a_plan_file_of_a_cluster_that_is_not_here_is_refused(folder: Path) -> None:
    save(folder, cluster="lost")
    error = error_of(run(apply, "prod.plan"))
    assert error.message.startswith("prod.plan names cluster lost, which is not known")


def test_a_file_that_is_no_plan_is_refused_by_every_verb(folder: Path) -> None:
    for verb in (apply, show):
        assert "clusters.yaml is no saved plan" in error_of(run(verb, "clusters.yaml")).message
    assert "not overwritten" in error_of(run(plan, "--out", "clusters.yaml", "--cluster", "prod")).message
    assert (folder / "clusters.yaml").read_text() == FILE


@pytest.mark.parametrize("digest", ["", "sha256:", "f" * 64, "sha256:" + "F" * 64, "sha256:" + "0" * 63])
def test_a_digest_is_said_whole(folder: Path, digest: str) -> None:
    result = run(apply, "--cluster", "prod", "--expect", digest)
    assert result.exit_code == 2 and "whole digest" in result.output


def test_a_plan_file_and_a_digest_are_not_said_together(folder: Path) -> None:
    result = run(apply, "prod.plan", "--expect", "sha256:" + "0" * 64)
    assert result.exit_code == 2 and "not both" in result.output


def test_the_reviewed_plan_names_its_cluster_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNIA_CLUSTER", "staging")
    target, reviewed = taken_up(ApplyRequest(target=Target(), plan_file="prod.plan"))
    assert target.cluster == "prod" and reviewed is not None and reviewed.plan is not None
    assert reviewed.digest == reviewed.plan.digest


REVIEWED = ApplyRequest(target=Target(), expect="sha256:" + "0" * 64)


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Output]:
    """An output where nobody can answer."""
    with (tmp_path / "out").open("w") as out, (tmp_path / "none").open("w+") as none:
        yield Output(out, out, none, {})


def test_the_review_was_the_yes(nobody: Output) -> None:
    assert approve_apply(REVIEWED, nobody)(IMAGE_CHANGE) is True


def test_a_review_allows_no_downtime(nobody: Output) -> None:
    with pytest.raises(Refused, match="interrupts"):
        approve_apply(REVIEWED, nobody)(ONE_NODE)
    assert approve_apply(replace(REVIEWED, allow_downtime=True), nobody)(ONE_NODE) is True
