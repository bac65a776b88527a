"""GitHub's REST API on loopback, as far as CI uses it: stateful, strict about routes, lengths and who may what."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPO = "acme/clusters"
TOKEN = "ghs_w0rkfl0wt0ken"
PERSON = "ghp_apersonst0ken"
BOT = "github-actions[bot]"
MOST = 65_536

Answer = tuple[int, Any]


class GitHub:
    """`faults` are what happens to the next calls: a status; 0 for a cut connection; -1 for the deed done and the
    connection cut. `instead` is what every answer says from then on. `keep` is a folder that every body is written into."""

    def __init__(self, keep: Path | None = None) -> None:
        self.users: dict[str, str] = {TOKEN: "", PERSON: "ada"}
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.pulls: dict[int, dict[str, Any]] = {}
        self.faults: list[int] = []
        self.calls: list[str] = []
        self.unknown: list[str] = []
        self.instead: bytes | None = None
        self.keep = keep
        self.url = ""
        self._next = 100
        self._lock = threading.Lock()

    @contextmanager
    def serving(self) -> Iterator[GitHub]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    # What people do

    def pull(self, number: int) -> None:
        self.pulls[number] = {
            "number": number,
            "merged_at": None,
            "merge_commit_sha": None,
            "base": {"ref": "main"},
        }

    def merge(self, number: int, commit: str) -> None:
        self.pulls[number] |= {"merged_at": "2026-01-02T03:04:05Z", "merge_commit_sha": commit}

    def say(self, author: str, pull: int, body: str) -> int:
        return int(self._comment(author, pull, body)["id"])

    def on(self, pull: int, author: str = BOT) -> list[str]:
        """What an author's comments of a pull request say."""
        return [str(c["body"]) for c in self.comments if c["pull"] == pull and c["user"]["login"] == author]

    # What the API does

    def asked(
        self, method: str, path: str, query: dict[str, str], login: str, body: dict[str, Any]
    ) -> Answer:
        home = f"/repos/{REPO}"
        for pattern, verb, deed in self._routes():
            found = re.fullmatch(pattern.replace("HOME", home), path)
            if found and verb == method:
                return deed(found, query, login, body)
        self.unknown.append(f"{method} {path}")
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            ("/user", "GET", lambda m, q, who, b: (200, {"login": who}) if who != BOT else _NOT_FOR_BOTS),
            (r"HOME/issues/(\d+)/comments", "GET", self._list_comments),
            (r"HOME/issues/(\d+)/comments", "POST", self._add_comment),
            (r"HOME/issues/comments/(\d+)", "PATCH", self._edit_comment),
            (r"HOME/commits/([0-9a-f]+)/pulls", "GET", self._list_pulls),
            ("HOME/issues", "GET", self._list_issues),
            ("HOME/issues", "POST", self._add_issue),
            (r"HOME/issues/(\d+)", "PATCH", self._edit_issue),
        ]

    def _list_comments(self, m: re.Match[str], q: dict[str, str], who: str, b: Any) -> Answer:
        return 200, _page([c for c in self.comments if c["pull"] == int(m[1])], q)

    def _add_comment(self, m: re.Match[str], q: Any, who: str, b: dict[str, Any]) -> Answer:
        if int(m[1]) not in self.pulls:
            return 404, {"message": "Not Found"}
        return _long(b) or (201, self._comment(who, int(m[1]), b["body"]))

    def _edit_comment(self, m: re.Match[str], q: Any, who: str, b: dict[str, Any]) -> Answer:
        (found,) = [c for c in self.comments if c["id"] == int(m[1])]
        if wrong := _long(b):
            return wrong
        found["body"] = b["body"]
        self._kept(f"pull-{found['pull']}", b["body"])
        return 200, found

    def _list_pulls(self, m: re.Match[str], q: Any, who: str, b: Any) -> Answer:
        return 200, [p for p in self.pulls.values() if p["merge_commit_sha"] == m[1]]

    def _list_issues(self, m: Any, q: dict[str, str], who: str, b: Any) -> Answer:
        author = q.get("creator")
        open_ = [i for i in self.issues if i["state"] == "open" and author in (None, i["user"]["login"])]
        pulls = [{"number": n, "user": {"login": author}, "body": "", "pull_request": {}} for n in self.pulls]
        return 200, _page([*open_, *pulls], q)

    def _add_issue(self, m: Any, q: Any, who: str, b: dict[str, Any]) -> Answer:
        if wrong := _long(b):
            return wrong
        self._next += 1
        made = {"id": 10_000 + self._next, "number": self._next, "user": {"login": who}, "state": "open", **b}
        self.issues.append(made)
        self._kept(f"issue-{self._next}", f"# {b['title']}\n\n{b['body']}")
        return 201, made

    def _edit_issue(self, m: re.Match[str], q: Any, who: str, b: dict[str, Any]) -> Answer:
        (found,) = [i for i in self.issues if i["number"] == int(m[1])]
        if wrong := _long(b):
            return wrong
        found |= b
        self._kept(f"issue-{m[1]}-{found['state']}", b["body"])
        return 200, found

    def _comment(self, author: str, pull: int, body: str) -> dict[str, Any]:
        self._next += 1
        made = {"id": self._next, "pull": pull, "user": {"login": author}, "body": body}
        self.comments.append(made)
        self._kept(f"pull-{pull}", body)
        return made

    def _kept(self, name: str, body: str) -> None:
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            number = len(list(self.keep.iterdir())) + 1
            (self.keep / f"{number:02}-{name}.md").write_text(body)

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        parts = urlsplit(handler.path)
        raw = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.calls.append(f"{handler.command} {parts.path}")
            fault = self.faults.pop(0) if self.faults else 200
            if fault == 0:
                return None
            if fault not in (200, -1):
                return fault, b'{"message": "a bad day"}'
            if self.instead is not None:
                return 200, self.instead
            if token not in self.users:
                return 401, b'{"message": "Bad credentials"}'
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            login = self.users[token] or BOT
            status, said = self.asked(
                handler.command, parts.path, query, login, json.loads(raw) if raw else {}
            )
            return None if fault == -1 else (status, json.dumps(said).encode())


_NOT_FOR_BOTS: Answer = (403, {"message": "Resource not accessible by integration"})


def _page(found: list[Any], query: dict[str, str]) -> list[Any]:
    size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
    assert size <= 100
    return found[(page - 1) * size : page * size]


def _long(body: dict[str, Any]) -> Answer | None:
    if len(body["body"].encode("utf-16-le")) // 2 > MOST:
        return 422, {"message": f"body is too long (maximum is {MOST} characters)"}
    return None


def _handler(hub: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _go(self) -> None:
            found = hub.answer(self)
            if found is None:
                self.close_connection = True
                return
            self.send_response(found[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(found[1])))
            self.end_headers()
            self.wfile.write(found[1])

        do_GET = do_POST = do_PATCH = _go

        def log_message(self, *words: object) -> None:
            return

    return Handler
