"""One node twice: the real scripts in a folder, and the simulated node; both are asked the same.

What a request's own scripts do has a meaning in `sh` for the one, and the same meaning in memory for the other.
"""

from __future__ import annotations

import copy
import fcntl
import hashlib
import os
import signal
import subprocess
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynia.interfaces.node_requests import ConfirmRequest, Fence, PushAnswer, PushRequest, RemoveRequest
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.scripts import script
from tests.integration.node_scripts.asked import (
    GOOD,
    LINEAGE_FILE,
    LIVE,
    MAIN,
    OPT,
    VAR,
    Asked,
    Before,
    Look,
    Seen,
    Word,
    looking,
    observed,
    request,
    told,
)
from tests.integration.node_scripts.cuts import cut_at
from tests.integration.node_scripts.machine import TIMERS, Machine, confirm_args, push_args, remove_args
from tests.simulation import machine as memory
from tests.simulation.looks import observe
from tests.simulation.machine import File
from tests.simulation.scripts import Script
from tests.simulation.world import World

INNER, OUTER = b"i" * 64, b"o" * 64
LATE = ("late",)


class Real:
    """The scripts of the product, run by `sh` in a folder."""

    def __init__(self, root: Path, before: Before) -> None:
        root.mkdir()
        self.machine = Machine(root)
        self.root = f"{root}/"
        for folder in (f"{VAR}/keys", f"{VAR}/txn", OPT, "run"):
            (root / folder).mkdir(parents=True)
        (root / VAR / "keys" / "inner").write_bytes(INNER)
        (root / VAR / "keys" / "outer").write_bytes(OUTER)
        for name, content, mode in before.files:
            self.edit(name, content, mode)
        if before.lineage is not None:
            self.edit(LINEAGE_FILE, before.lineage, 0o644)
        cluster, number = before.fencing
        if number:
            (root / VAR / "fencing").write_text(f"{cluster} {number}\n")

    def edit(self, name: str, content: bytes | None, mode: int = 0o644) -> None:
        """As an editor does: a new file in the place of the old one."""
        path = Path(self.root + name)
        if content is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = Path(self.root + "new")
        new.write_bytes(content)
        new.chmod(mode)
        new.rename(path)

    def ask(self, asked: Asked, now: Look, then: Look, cut: tuple[int, int] | None) -> Seen:
        if asked.verb == "late":
            return self._late(asked, cut)
        made = request(asked, self.root, now, then, self._script, self._keyed)
        args, stdin = told_to(made)
        if cut is None:
            raw: bytes | None = self.machine.run_with(TIMERS, asked.script, args, stdin, made.fence)
        else:
            raw = self.machine.cut(cut_at(asked.script, *cut), args, stdin, made.fence)
            self._wait()
        return self.seen(None if raw is None else told(answers.parse_push(raw), self.root))

    def _late(self, asked: Asked, cut: tuple[int, int] | None) -> Seen:
        """The time is over, and the timer's script runs. It has no answer: only that it came to its end."""
        key = messages.component_key(asked.component)
        armed = Path(self.machine.places.var) / "txn" / key / "armed"
        if armed.exists():
            boot, _, timer = armed.read_text().split()
            armed.write_text(f"{boot} 0 {timer}\n")
        text = script("back") if cut is None else cut_at("back", *cut)
        environment = self.machine.environment | {"PATH": f"{TIMERS}:{os.environ['PATH']}"}
        command = ["sh", "-c", text, "dynia", asked.component, asked.lineage, key, "60"]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, 1, -signal.SIGKILL), done.stderr.decode()
        self._wait()
        return self.seen(None if done.returncode < 0 else LATE)

    def look(self, fence: Fence | None) -> Seen:
        facts = self.machine.observe(looking(self.root, fence))
        return self.seen(observed(facts, self.root))

    def seen(self, answer: tuple[object, ...] | None = None) -> Seen:
        root = Path(self.root)
        files = {
            name: (path.read_bytes(), path.stat().st_mode & 0o7777)
            for path in sorted(root.rglob("*"))
            if path.is_file() and _counts(name := str(path.relative_to(root)))
        }
        words = (
            (root / VAR / "fencing").read_text().split() if (root / VAR / "fencing").exists() else ["", "0"]
        )
        unfinished = tuple(
            sorted(p.parent.name.replace("%", "/") for p in (root / VAR / "txn").glob("*/manifest"))
        )
        return Seen(files, (words[0], int(words[1])), unfinished, answer)

    def _wait(self) -> None:
        """A shell that a killed one began may still end its line; it has the node's lock as long."""
        lock = Path(self.machine.places.run) / "dynia.lock"
        if lock.exists():
            with lock.open() as held:
                fcntl.flock(held, fcntl.LOCK_EX)

    def _script(self, component: str, word: Word) -> str:
        main, live = self.root + MAIN[component], self.root + LIVE[component]
        return {
            "": "",
            "true": "true",
            "false": "echo no; false",
            "copy": f"cat {main} >{live}",
            "picky": f"cat {main} >{live}\ngrep -q {GOOD.decode()} {main}",
            "same": f"cmp {main} {live}",
            "rest": f": >{live}",
        }[word]

    def _keyed(self, content: bytes) -> str:
        inner = hashlib.sha256(INNER + content).hexdigest()
        return "hmac:" + hashlib.sha256(OUTER + inner.encode()).hexdigest()


def told_to(made: PushRequest | RemoveRequest | ConfirmRequest) -> tuple[tuple[str, ...], bytes]:
    """What its script is told: an argv, and what it reads."""
    if isinstance(made, PushRequest):
        return push_args(made), messages.push_message(made)
    if isinstance(made, ConfirmRequest):
        return confirm_args(made), b""
    return remove_args(made), messages.remove_message(made)


def _counts(name: str) -> bool:
    """What is compared: everything but what the scripts keep for themselves."""
    inside = name.startswith(f"{VAR}/") and name != f"{VAR}/manifest.json"
    return not inside and not name.startswith(("run/", "etc/systemd/")) and name != f"{OPT}/.lineage"


class Step:
    """Where the simulated node may die."""

    def __await__(self) -> Iterator[None]:
        yield None


class Told(Script):
    """The simulated scripts, where those of a request do what its words say."""

    async def pause(self) -> None:
        await Step()

    def set_timer(self, seconds: float) -> None:
        """A day says when it ends."""

    def check(self, script: str) -> str:
        return self._run(script)

    def awaken(self, script: str) -> str:
        return self._run(script)

    def probe(self, script: str) -> str:
        return self._run(script)

    def put_to_rest(self, script: str) -> str:
        return self._run(script)

    def _run(self, word: str) -> str:
        files, main, live = self.node.files, "/" + MAIN[self.component], "/" + LIVE[self.component]
        there = files.get(main)
        if word in ("copy", "picky", "rest"):
            content = b"" if there is None or word == "rest" else there.content
            files[live] = File(content, files[live].mode if live in files else 0o600)
        fine = {
            "copy": there is not None,
            "picky": there is not None and GOOD in there.content,
            "same": there is not None and live in files and files[live].content == there.content,
            "false": False,
        }
        return "" if fine.get(word, True) else f"{word}: exit 1"


@dataclass
class Simulated:
    """Every state that the simulated node may be in, as far as it was seen: a killed one may have died at any step."""

    world: World
    possible: list[memory.Node] = field(default_factory=list)
    script: type[Script] = Told

    def begin(self, before: Before) -> None:
        node = memory.Node("web-1", 1, "1", "198.18.0.1", "key")
        node.files = {f"/{name}": File(content, mode) for name, content, mode in before.files}
        if before.lineage is not None:
            node.files["/" + LINEAGE_FILE] = File(before.lineage)
        node.fencing = before.fencing
        self.possible = [node]

    def edit(self, name: str, content: bytes | None, mode: int = 0o644) -> None:
        for node in self.possible:
            node.files.pop("/" + name, None)
            if content is not None:
                node.files["/" + name] = File(content, mode)

    def ask(self, asked: Asked, now: Look, then: Look, seen: Seen) -> list[Seen]:
        """Only states stay in which it looks like `seen`. What it could have looked like, if none does."""
        made = (
            asked.component
            if asked.verb == "late"
            else request(asked, "/", now, then, lambda component, word: word, memory.keyed)
        )
        found = [
            (looks(node, answer), node)
            for before in self.possible
            for answer, node in self._outcomes(before, made)
            if (answer is None) == (seen.answer is None)
        ]
        self.possible = [node for look, node in found if look == seen]
        return [look for look, _ in found]

    def look(self, fence: Fence | None) -> list[Seen]:
        return [
            looks(node, observed(observe(self.world, node, "run", looking("/", fence)), "/"))
            for node in copy.deepcopy(self.possible)
        ]

    def _outcomes(
        self, before: memory.Node, made: PushRequest | RemoveRequest | ConfirmRequest | str
    ) -> Iterator[tuple[tuple[object, ...] | None, memory.Node]]:
        """The node at each step where it may be killed, and at the end, with its answer."""
        node = copy.deepcopy(before)
        component = made if isinstance(made, str) else made.component
        work = self._work(self.script(self.world, node, "run", component), made)
        yield None, copy.deepcopy(node)
        while True:
            try:
                work.send(None)
            except StopIteration as ended:
                yield LATE if ended.value is None else told(ended.value, "/"), node
                return
            cut = copy.deepcopy(node)
            cut.locked_by = ""
            yield None, cut

    def _work(
        self, script: Script, made: PushRequest | RemoveRequest | ConfirmRequest | str
    ) -> Coroutine[Any, Any, PushAnswer | None]:
        if isinstance(made, str):
            kept = script.node.transactions.get(made)
            if kept is not None:
                kept.until = -1.0
            return script.back()
        if isinstance(made, PushRequest):
            return script.push(made)
        return script.confirm(made) if isinstance(made, ConfirmRequest) else script.remove(made)


def looks(node: memory.Node, answer: tuple[object, ...] | None) -> Seen:
    files = {
        path[1:]: (file.content, file.mode) for path, file in sorted(node.files.items()) if _counts(path[1:])
    }
    return Seen(files, node.fencing, tuple(sorted(node.transactions)), answer)
