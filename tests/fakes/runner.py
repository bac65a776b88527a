"""A runner of GitHub's, as far as the workflows of examples/cluster-repo need one: their steps, run with bash."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.fakes.github import REPO, TOKEN

ROOT = Path(__file__).resolve().parents[2]
DYNIA = ROOT / ".venv" / "bin" / "dynia"
ACTION = "your-org/dynia@"
SECONDS = 300


def yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


@dataclass
class Job:
    """How a job ended: the first exit code that was not 0, all that was printed, and what it left."""

    exit: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)


@dataclass
class Runner:
    """Runs the one job of a workflow of `checkout`, which is what actions/checkout would have made there."""

    checkout: Path
    temp: Path
    api: str
    variables: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN
    secrets: dict[str, str] = field(default_factory=dict)
    program: Path = DYNIA

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        commit: str,
        *,
        inputs: Mapping[str, str] | None = None,
    ) -> Job:
        """To its end."""
        running = self.begin(workflow, event, payload, commit, inputs=inputs)
        running.finish()
        return running.job

    def begin(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        commit: str,
        *,
        inputs: Mapping[str, str] | None = None,
    ) -> Running:
        """Until its first step of ours runs."""
        folder = self.temp / f"job-{uuid.uuid4().hex[:6]}"
        folder.mkdir(parents=True)
        (folder / "event.json").write_text(json.dumps(payload))
        (only,) = yaml(self.checkout / ".github" / "workflows" / f"{workflow}.yml")["jobs"].values()
        matrix = {name: values[0] for name, values in only["strategy"]["matrix"].items()}
        known = {
            "github": {"token": self.token, "event_name": event, "event": payload},
            "matrix": matrix,
            "secrets": self.secrets,
            "inputs": dict(inputs or {}),
        }
        environ = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("GITHUB_", "DYNIA_", "GIT_", "COLUMNS"))
            },
            "CI": "true",
            "NO_COLOR": "1",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_ACTOR": "ada",
            "GITHUB_API_URL": self.api,
            "GITHUB_BASE_REF": "main" if event == "pull_request" else "",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REF_NAME": f"{payload.get('number')}/merge" if event == "pull_request" else "main",
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_RUN_ID": str(payload.get("run", 1)),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": commit,
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            **self.variables,
        }
        return Running(self, only["steps"], known, environ, folder)


class Running:
    """A job at work. `cancel` is what a runner does: SIGINT to the process of the step."""

    def __init__(
        self, runner: Runner, steps: list[Any], known: dict[str, Any], environ: dict[str, str], folder: Path
    ) -> None:
        self.runner, self.known, self.environ, self.folder = runner, known, environ, folder
        self.job = Job()
        self.steps = iter(steps)
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "log"
        self.log.touch()
        self._next()

    def cancel(self, number: signal.Signals = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def finish(self) -> Job:
        while self.process is not None:
            code = self.process.wait(timeout=SECONDS)
            self.job.exit = self.job.exit or code
            self.process = None
            self._next()
        self.job.log = self.log.read_text()
        for name, into in (("summary", "summary"), ("output", "output")):
            text = (self.folder / name).read_text() if (self.folder / name).exists() else ""
            if into == "summary":
                self.job.summary = text
            else:
                self.job.outputs = dict(line.split("=", 1) for line in text.splitlines())
        return self.job

    def _next(self) -> None:
        """Begin the next step that has a process."""
        for step in self.steps:
            said = str(step.get("if", ""))
            if "always()" not in said and (self.job.exit or (said and not self._holds(said))):
                continue
            uses = str(step.get("uses", ""))
            if uses.startswith(ACTION):
                self.process = self._action({k: self._filled(v) for k, v in step["with"].items()})
                return
            if uses.startswith("actions/upload-artifact@"):
                where = self.runner.checkout / self._filled(step["with"]["path"])
                self.job.artifacts += sorted(p.name for p in where.glob("*")) if where.is_dir() else []
            elif not uses.startswith("actions/checkout@"):
                raise AssertionError(f"a step that no runner here knows: {step}")

    def _action(self, said: dict[str, str]) -> subprocess.Popen[str]:
        """The composite action of this checkout; what it installs is installed."""
        action = yaml(ROOT / "action.yml")
        defaults = {name: self._filled(one.get("default", "")) for name, one in action["inputs"].items()}
        assert set(said) <= set(defaults)
        inner = {**self.known, "inputs": {**defaults, **said, "dynia": str(self.runner.program)}}
        steps = [s for s in action["runs"]["steps"] if "if" not in s or self._holds(s["if"], inner)]
        (step,) = steps
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        with self.log.open("a") as log:
            return subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
                cwd=self.runner.checkout,
                env={**self.environ, **{k: self._filled(v, inner) for k, v in step["env"].items()}},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def _filled(self, text: object, known: dict[str, Any] | None = None) -> str:
        return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda m: self._value(m[1], known), str(text))

    def _holds(self, said: str, known: dict[str, Any] | None = None) -> bool:
        """`a == b || c == d`, which is all that is used."""
        for one in said.split("||"):
            left, equal, right = one.partition("==")
            assert equal, f"a condition that no runner here knows: {said}"
            if self._value(left.strip(), known) == self._value(right.strip(), known):
                return True
        return False

    def _value(self, name: str, known: dict[str, Any] | None) -> str:
        if name.startswith("'"):
            return name.strip("'")
        found: Any = known or self.known
        for part in name.split("."):
            found = found.get(part, "") if isinstance(found, dict) else ""
        return str(found)
