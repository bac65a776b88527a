"""Law 9 for `secrets:`: a planted one of each source is nowhere but on nodes, and is there."""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import replace as with_fields
from pathlib import Path

import msgspec
import pyrage
import pytest

from dynia.commands.screens.apply import apply_result_text, result_json
from dynia.commands.screens.hook_json import Run, hook_json
from dynia.commands.screens.plan import plan_text
from dynia.commands.screens.plan_json import plan_json
from dynia.commands.screens.secrets import secrets_json, secrets_text
from dynia.interfaces.desired import (
    AgeSource,
    ClusterSpec,
    CommandSource,
    FileSource,
    SecretSource,
    VariableSource,
)
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.interfaces.secret_sources import IDENTITY, all_secrets, looked_for
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import Reconciler
from dynia.services.saved_plan import SavedPlan, encode
from tests.fakes.cloud import HOME, Cloud, Engine, fresh_disk
from tests.fakes.disk import FakeDisk
from tests.laws.planted import forms, found_in
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy

KINDS = ("env", "file", "command", "age")
FOLDER = "/opt/dynia/services/api/.dynia-secrets"


class Runner:
    """A machine that applies: where the sources are, and what each holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.identity = folder, pyrage.x25519.Identity.generate()
        self.values: dict[str, str] = {}
        self.plant("first")

    def plant(self, word: str) -> None:
        """Every source has another value, which no form of it can be mistaken for another text."""
        self.values = {kind: f"{word}-{kind} \"of\" 'é' $x/%\\n+{kind * 3}" for kind in KINDS}
        (self.folder / "file").write_text(self.values["file"] + "\n")
        (self.folder / "command").write_text(self.values["command"])
        box = pyrage.encrypt(self.values["age"].encode(), [self.identity.to_public()])
        (self.folder / "age").write_bytes(box)

    @property
    def environ(self) -> dict[str, str]:
        return {"PROD_KEY": self.values["env"], IDENTITY: str(self.identity)}

    def spec(self, level: int = 1, *, mounted: bool = False) -> ClusterSpec:
        sources: dict[str, SecretSource] = {
            "env": VariableSource(env="PROD_KEY"),
            "file": FileSource(file=str(self.folder / "file")),
            "command": CommandSource(command=("cat", "command"), folder=str(self.folder)),
            "age": AgeSource(age=str(self.folder / "age")),
        }
        secrets = tuple(
            worlds.secret(kind.upper(), "", source=source, mount=f"/run/secrets/{kind}" if mounted else "")
            for kind, source in sorted(sources.items())
        )
        return worlds.cluster(services=(worlds.service(config=f"level = {level}\n", secrets=secrets),))

    def engine(self, cloud: Cloud, disk: FakeDisk, spec: ClusterSpec) -> Engine:
        engine = Engine(cloud, disk, spec)
        given = engine.run.session
        secrets = {**given.secrets, **all_secrets(spec, self.environ)}
        engine.run.session = with_fields(given, secrets=secrets)
        return engine


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def told(engine: Engine, disk: FakeDisk, plan: Plan, result: ApplyResult | None) -> bytes:
    """Everything that is written, shown or told where Dynia runs."""
    texts = [repr(engine.run.session), repr(engine.run.given), repr(engine.run.recipes), repr(plan)]
    texts += [plan_text(plan, width=100, detail=detail, now=0) for detail in ("short", "full")]
    parts = [*disk.files().values(), plan_json(plan), msgspec.json.encode(engine.events)]
    parts.append(encode(SavedPlan(by="me", at=1, commit="", tool="2", plan=plan)))
    if result is not None:
        run = Run(verb="apply", cluster="prod", generation=1, at=1.5, by="me", commit="", url="")
        parts += [result_json(result), hook_json("post_apply", run, plan, result)]
        texts += [apply_result_text(result, width=100), repr(result)]
    return b"\n".join([*(text.encode() for text in texts), *parts])


def kept(cloud: Cloud) -> bytes:
    """What nodes keep of the cluster in files of ours."""
    generations = [content for kept in cloud.generations.values() for content in kept.values()]
    return b"\n".join([*cloud.manifests.values(), *generations, msgspec.json.encode(cloud.nodes)])


def on_nodes(cloud: Cloud, runner: Runner) -> bool:
    """All of them, as each node's keyed hash tells."""
    wanted = {path: worlds.hmac(c) for path, c in all_secrets(runner.spec(), runner.environ).items()}
    seen = [
        {
            f.path: f.digest
            for f in facts.files
            if f.path in wanted and f.mode == 0o600 and f.owner == "root:root"
        }
        for facts in cloud.nodes.values()
    ]
    return seen == [wanted] * 3


def test_a_planted_secret_of_each_source_is_nowhere_but_on_nodes(runner: Runner) -> None:
    cloud, disk = Cloud(), fresh_disk()
    known: list[str] = []
    for word, level in (("first", 1), ("second", 1), ("third", 2)):
        runner.plant(word)
        known += runner.values.values()
        engine = runner.engine(cloud, disk, runner.spec(level))
        plan = engine.plan()
        assert plan.steps
        result = engine.apply()
        assert (result.exit_code, result.left) == (0, ()) and on_nodes(cloud, runner)
        assert found_in(told(engine, disk, plan, result), known) == []
        assert found_in(kept(cloud), known) == []
    assert engine.plan().empty


def test_the_search_finds_it_in_every_form(runner: Runner) -> None:
    for value in runner.values.values():
        raw = value.encode()
        said = [raw, json.dumps({"a": value}).encode(), msgspec.json.encode({"a": value})]
        said += [json.dumps(json.dumps([value])).encode(), urllib.parse.quote(value).encode()]
        said += [urllib.parse.quote(value, safe="").encode(), urllib.parse.urlencode({"a": value}).encode()]
        said += [base64.b64encode(b"x" * n + raw + b"y") for n in range(5)]
        said += [base64.urlsafe_b64encode(b"x" * n + raw) for n in range(5)]
        assert all(found_in(text, [value]) for text in said)
        assert not found_in(b"first-env first-file first-command first-age", [value])
        assert min(len(form) for form in forms(value)) > 16


@pytest.mark.parametrize("what", ["gate", "push"])
def test_what_a_failing_release_said_is_told_without_them(runner: Runner, what: str) -> None:
    cloud, disk = Cloud(), fresh_disk()
    runner.engine(cloud, disk, runner.spec(1)).apply()
    haproxy(cloud)
    said = "\n".join(f"api-1 | can't use {value}, really" for value in runner.values.values())
    answers: dict[str, GateAnswer | PushAnswer] = {
        "gate": GateAnswer(healthy=False, reason="GET /healthz → 500", output=said),
        "push": PushAnswer(phase="activate", output=said),
    }
    cloud.lie = lambda asked, node: answers[what] if asked == what else None
    engine = runner.engine(cloud, disk, runner.spec(2))
    result = engine.apply()
    assert result.failures and "can't use [redacted]" in repr(result.failures)
    assert found_in(told(engine, disk, result.plan, result), runner.values.values()) == []


def test_of_a_rollback_that_has_no_sources_nothing_is_told_of_what_containers_say(runner: Runner) -> None:
    cloud, disk = Cloud(), fresh_disk()
    runner.engine(cloud, disk, runner.spec(1)).apply()
    haproxy(cloud)
    engine = runner.engine(cloud, disk, runner.spec(2))
    bare = {p: c for p, c in engine.run.session.secrets.items() if not p.startswith(FOLDER)}
    engine.run = Reconciler(with_fields(engine.run.session, secrets=bare))
    said = runner.values["env"]
    cloud.lie = lambda asked, node: (
        GateAnswer(healthy=False, reason="GET /healthz → 500", output=said) if asked == "gate" else None
    )
    result = engine.apply()
    assert "GET /healthz" in repr(result.failures)
    assert found_in(told(engine, disk, result.plan, result), [said]) == []


def test_where_no_source_is_nothing_empty_is_written(runner: Runner) -> None:
    """`apply` never begins so; whatever does stops before the node is asked."""
    cloud, disk = Cloud(), fresh_disk()
    spec = runner.spec()
    result = Engine(cloud, disk, spec).apply()
    assert "its source is not here; nothing was written" in repr(result.failures)
    assert not [f for facts in cloud.nodes.values() for f in facts.files if f.path.startswith(FOLDER)]


@pytest.mark.parametrize("mounted", [False, True])
def test_the_check_tells_places_and_no_values(runner: Runner, mounted: bool) -> None:
    spec = runner.spec(mounted=mounted)
    for environ in (runner.environ, {}):
        found = looked_for(spec, environ)
        assert len(found) == 4
        screen = secrets_text(found, width=80).encode() + secrets_json(found)
        assert found_in(screen, runner.values.values()) == []


def test_a_secret_that_went_is_taken_off_the_nodes(runner: Runner) -> None:
    cloud, disk = Cloud(), fresh_disk()
    runner.engine(cloud, disk, runner.spec()).apply()
    spec = worlds.cluster(services=(worlds.service(config="level = 1\n"),))
    assert Engine(cloud, disk, spec).apply().exit_code == 0
    assert not [f for facts in cloud.nodes.values() for f in facts.files if f.path.startswith(FOLDER)]
    assert HOME / "state.json" in {Path(path) for path in disk.files()}
