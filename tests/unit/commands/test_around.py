"""What the team wants around an apply: its own commands, told the facts, and webhooks over real TLS on loopback."""

from __future__ import annotations

import json
import os
import select
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from dynia.commands.around import Around
from dynia.commands.hook import run_hook
from dynia.commands.screens.plan_json import plan_json
from dynia.interfaces.desired import ClusterSpec, EnvSource, Hooks, Webhook
from dynia.interfaces.errors import DyniaError, Interrupted, Refused
from dynia.interfaces.node_requests import PushAnswer
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.plan import Plan
from tests.fakes.certificates import authority
from tests.fakes.cloud import HOME, Cloud, Engine, applied
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy

replace = msgspec.structs.replace
SECRET = "correct-horse-battery"
TOKEN = "B4CKD00R"
KEEPS = "cat >{event}.json"


class Server(HTTPServer):
    """What was posted to it; it answers with what is given, one after the other, the last one for ever."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.posted = statuses, list[tuple[str, dict[str, object]]]()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, json.loads(body)))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    pair = authority().sign("localhost")
    (tmp_path / "pair.pem").write_text(pair.chain + pair.key)
    (tmp_path / "trusted.pem").write_text(authority().pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    made = Server([200])
    made.socket = context.wrap_socket(made.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


class Told:
    """A run of an apply with what is around it, and all that it said."""

    def __init__(self, spec: ClusterSpec, start: tuple[Cloud, FakeDisk], **environ: str) -> None:
        self.said: list[str] = []
        self.paused: list[float] = []
        self.cloud, disk = start
        self.engine = Engine(self.cloud, disk, spec)
        session = self.engine.run.session
        self.around = Around(spec, session, "apply", self.said.append, environ, self.pause)

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def apply(self) -> ApplyResult:
        async def approve(plan: Plan) -> bool:
            with ThreadPoolExecutor(1) as beside:
                beside.submit(self.around.before_apply, plan).result()
            return True

        self.around.before_plan()
        try:
            done = run(self.engine.run.apply(approve))
        except DyniaError as error:
            self.around.after(error)
            raise
        self.around.after(done)
        return done


def spec(folder: Path, level: int = 2, **more: object) -> ClusterSpec:
    env = f"PASSWORD={SECRET}\n"
    made = worlds.cluster(services=(worlds.service(config=f"level = {level}\n", env=env),))
    events = ("pre_plan", "pre_apply", "post_apply", "on_failure")
    argvs = {event: ("sh", "-c", KEEPS.format(event=event)) for event in events}
    hooks = Hooks(**argvs, folder=str(folder), timeout=20.0)  # type: ignore[arg-type]
    return replace(made, hooks=replace(hooks, **more))


@pytest.fixture
def start(tmp_path: Path) -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(replace(spec(tmp_path, 1), hooks=Hooks()))
    haproxy(cloud)
    return cloud, disk


def kept(folder: Path, event: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / f"{event}.json").read_text())
    return found


def test_each_is_told_the_facts_at_its_moment(tmp_path: Path, start: tuple[Cloud, FakeDisk]) -> None:
    told = Told(spec(tmp_path), start)
    assert told.apply().exit_code == 0
    before, agreed, end = (kept(tmp_path, name) for name in ("pre_plan", "pre_apply", "post_apply"))
    assert not (tmp_path / "on_failure.json").exists() and told.said == []
    assert (before["event"], before["plan"], before["end"]) == ("pre_plan", None, None)
    assert agreed["end"] is None and not {"steps", "later", "content"} & end["plan"].keys()  # type: ignore[attr-defined]
    assert end["plan"].items() <= agreed["plan"].items()  # type: ignore[attr-defined]
    assert agreed["plan"]["summary"]["change"] == 2  # type: ignore[index]
    assert (end["cluster"], end["verb"], end["generation"]) == ("prod", "apply", 1)
    assert (end["end"]["result"], end["end"]["exitCode"], end["end"]["generation"]) == ("done", 0, 2)  # type: ignore[index]
    assert not any(SECRET in file.read_text() for file in tmp_path.glob("*.json"))


def test_a_policy_is_given_the_plan_as_plan_json_tells_it_without_what_files_say(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    told = Told(spec(tmp_path), start)
    plan = told.engine.plan()
    assert told.apply().exit_code == 0
    shown = json.loads(plan_json(plan))
    assert shown.keys() - kept(tmp_path, "pre_apply")["plan"].keys() == {"format", "version", "diffs"}  # type: ignore[attr-defined]
    assert kept(tmp_path, "pre_apply")["plan"]["steps"] == shown["steps"]  # type: ignore[index]


def test_a_policy_that_says_no_is_quoted_with_its_last_line(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    before = start[0].truth()
    policy = "grep -q '\"action\":\"push_component\"' && { echo looked; echo 'no pushes today'; exit 1; }"
    told = Told(spec(tmp_path, pre_apply=("sh", "-c", policy)), start)
    with pytest.raises(Refused, match=r"hooks\.pre_apply said no \(exit 1\): no pushes today$"):
        told.apply()
    assert told.cloud.truth() == before and told.cloud.deeds == []


@pytest.mark.parametrize(("event", "why"), [("pre_plan", "exit 3"), ("pre_apply", "exit 3")])
def test_where_one_says_no_before_the_first_step_nothing_is_touched(
    tmp_path: Path, start: tuple[Cloud, FakeDisk], event: str, why: str
) -> None:
    before = start[0].truth()
    no = ("sh", "-c", "echo 'not on a \x1b[31mFriday'; exit 3")
    told = Told(spec(tmp_path, **{event: no}), start)
    with pytest.raises(Refused, match=rf"hooks\.{event} said no \({why}\)") as caught:
        told.apply()
    assert caught.value.exit_code == 1 and "nothing was touched" in caught.value.hint
    assert told.cloud.truth() == before and told.cloud.deeds == []
    assert told.said == [f"{event}: not on a Friday"]
    assert not (tmp_path / "on_failure.json").exists(), "nothing was begun"


def test_one_that_fails_afterwards_is_told_and_changes_nothing(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    told = Told(spec(tmp_path, post_apply=("./not-there",)), start)
    assert told.apply().exit_code == 0
    (said,) = told.said
    assert "hooks.post_apply failed (./not-there: No such file or directory)" in said


def test_an_apply_that_fails_is_told_with_its_first_line_alone(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    told = Told(spec(tmp_path), start)
    wrong = PushAnswer(phase="activate", output=f"connecting with {SECRET}")
    told.cloud.lie = lambda what, node: wrong if what == "push" else None
    assert told.apply().exit_code == 7
    end = kept(tmp_path, "on_failure")["end"]
    assert not (tmp_path / "post_apply.json").exists()
    assert (end["result"], end["exitCode"]) == ("failed", 7)  # type: ignore[index]
    assert "activate failed" in end["failures"][0]["message"]  # type: ignore[index]
    assert SECRET not in (tmp_path / "on_failure.json").read_text()


def test_one_that_is_interrupted_too(tmp_path: Path, start: tuple[Cloud, FakeDisk]) -> None:
    told = Told(spec(tmp_path), start)
    told.cloud.tick = lambda what: told.engine.run.session.stop.set() if what.endswith("drained") else None
    with pytest.raises(Interrupted):
        told.apply()
    assert kept(tmp_path, "on_failure")["end"]["result"] == "interrupted"  # type: ignore[index]


def test_where_there_is_nothing_to_do_nothing_is_begun_and_nothing_ended(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    told = Told(spec(tmp_path, 1), start)
    assert told.apply().exit_code == 0
    told.around.before_apply(told.engine.plan())
    assert {file.name for file in tmp_path.glob("*.json")} == {"pre_plan.json"}


def test_one_that_does_not_end_is_killed_with_all_that_it_began(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    ended = run_hook(("sh", "-c", "sleep 600 >alive & echo begun; wait"), str(tmp_path), b"{}", 2.0)
    assert (ended.why, ended.output) == ("no end within 2 s", "begun\n")
    # It can be read to its end once nobody is left who could write.
    assert select.select([alive], [], [], 60.0)[0] and os.read(alive, 1) == b""
    os.close(alive)


def test_one_that_reads_nothing_and_one_that_leaves_somebody_behind_hold_nobody_up(tmp_path: Path) -> None:
    facts = b"x" * 1_000_000
    assert run_hook(("true",), str(tmp_path), facts, 20.0).why == ""
    left = run_hook(("sh", "-c", "sleep 3 & echo done"), str(tmp_path), facts, 20.0)
    assert (left.why, left.output) == ("", "done\n")


def listened(server: Server, *events: str, at: str = "localhost") -> Webhook:
    return Webhook(url=f"https://{at}:{server.server_port}/T0/{SECRET}", events=events)


def test_a_webhook_is_told_the_same_facts_of_what_it_wants_to_know(
    tmp_path: Path, start: tuple[Cloud, FakeDisk], server: Server
) -> None:
    hidden = Webhook(url=EnvSource(env="TEAM"), events=("pre_apply",))
    wanted = replace(spec(tmp_path), notify=(listened(server, "post_apply", "on_failure"), hidden))
    told = Told(wanted, start, TEAM=f"https://localhost:{server.server_port}/team")
    assert told.apply().exit_code == 0
    assert [path for path, _ in server.posted] == ["/team", f"/T0/{SECRET}"]
    assert server.posted[0][1]["plan"].items() <= kept(tmp_path, "pre_apply")["plan"].items()  # type: ignore[attr-defined]
    assert server.posted[1][1]["end"] == kept(tmp_path, "post_apply")["end"]
    assert told.said == [] and told.paused == []


@pytest.mark.parametrize(
    ("statuses", "posts", "said"),
    [
        ([503, 429, 200], 3, ""),
        ([500], 3, "HTTP 500 (3 tries)"),
        ([404], 1, "HTTP 404 (1 try)"),
        ([307], 1, "HTTP 307 (1 try)"),
    ],
)
def test_it_is_tried_a_few_times_where_that_may_help_and_is_never_fatal(
    tmp_path: Path,
    start: tuple[Cloud, FakeDisk],
    server: Server,
    statuses: list[int],
    posts: int,
    said: str,
) -> None:
    server.statuses = statuses
    told = Told(replace(spec(tmp_path), notify=(listened(server, "post_apply"),)), start)
    assert told.apply().exit_code == 0
    assert len(server.posted) == posts and len(told.paused) == posts - 1
    assert told.said == ([f"notify[0] (localhost) was not told of post_apply: {said}"] if said else [])
    assert SECRET not in "".join(told.said)


UNSAFE = {
    "another name": "CERTIFICATE_VERIFY_FAILED",
    "nobody trusts it": "CERTIFICATE_VERIFY_FAILED",
    "nobody is there": "(3 tries)",
    "not https": "its URL is not one of https",
    "not set": "the variable is not set",
}


@pytest.mark.parametrize("how", UNSAFE)
def test_who_cannot_be_told_safely_is_not_told(
    tmp_path: Path,
    start: tuple[Cloud, FakeDisk],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    webhook, environ = listened(server, "post_apply"), {}
    if how == "another name":
        webhook = listened(server, "post_apply", at="127.0.0.1")
    if how == "nobody trusts it":
        monkeypatch.delenv("SSL_CERT_FILE")
    if how == "nobody is there":
        webhook = Webhook(url="https://127.0.0.1:1/", events=("post_apply",))
    if how == "not https":
        environ = {"TEAM": f"http://localhost:{server.server_port}/{SECRET}"}
    if how in ("not https", "not set"):
        webhook = Webhook(url=EnvSource(env="TEAM"), events=("post_apply",))
    told = Told(replace(spec(tmp_path), notify=(webhook,)), start, **environ)
    assert told.apply().exit_code == 0
    (said,) = told.said
    assert said.startswith("notify[0] (") and UNSAFE[how] in said and SECRET not in said
    assert server.posted == []


def test_a_webhook_s_url_is_in_no_plan_and_on_no_node_and_a_plan_is_the_same_from_any_folder(
    tmp_path: Path, start: tuple[Cloud, FakeDisk]
) -> None:
    hidden = Webhook(url=f"https://127.0.0.1:1/{TOKEN}", events=("pre_plan",))
    told = Told(replace(spec(tmp_path), notify=(hidden,)), start)
    plan = told.engine.plan()
    assert "notify" not in {part.path for part in plan.content} and TOKEN not in repr(plan)
    elsewhere = Told(spec(Path("/elsewhere")), start).engine.plan()
    assert elsewhere.digest == plan.digest
    assert Told(spec(tmp_path, pre_apply=("true",)), start).engine.plan().digest != plan.digest
    assert told.apply().exit_code == 0
    generations = (kept for node in told.cloud.generations.values() for kept in node.values())
    nodes, disk = [*told.cloud.manifests.values(), *generations], start[1].files(HOME).values()
    assert nodes and disk and not any(TOKEN.encode() in content for content in (*nodes, *disk))
    assert TOKEN not in "".join(told.said) and TOKEN not in repr(told.engine.run.session.spec)
