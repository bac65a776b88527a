"""The few calls of GitHub's REST API that CI needs: comments and issues. What it says is data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.api_url import api_url
from dynia.providers.vendor_calls import for_terminal, retry_after
from dynia.services.ci_record import Written

TRY_S = 15.0
PAUSES_S = (1.0, 4.0, 15.0)
LONGEST_S = 60.0
PAGE, MOST_PAGES = 100, 50
MOST_ANSWER = 32 * 2**20
# Whoever a workflow's own token writes as; it may not ask who it is.
WORKFLOW = "github-actions[bot]"
STATUS_PAGE = "https://www.githubstatus.com"
_AGAIN = (408, 425, 429)

_T = TypeVar("_T")


class Unsure(Exception):
    """A call that makes something got no answer: it may have been carried out. Look before it is repeated."""


class _User(msgspec.Struct):
    login: str = ""


class _Text(msgspec.Struct):
    id: int = 0
    number: int = 0
    body: str | None = None
    user: _User | None = None
    pull_request: dict[str, Any] | None = None


class _Base(msgspec.Struct):
    ref: str = ""


class _Pull(msgspec.Struct):
    number: int = 0
    merged_at: str | None = None
    merge_commit_sha: str | None = None
    base: _Base = msgspec.field(default_factory=_Base)


class GitHub:
    """One repository, inside ``with``. Every call is made again a few times where nobody answers."""

    def __init__(
        self, environ: Mapping[str, str], repository: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = api_url(environ, "GITHUB_API_URL", "https://api.github.com")
        token = environ.get("GITHUB_TOKEN", "").strip()
        if not token.isascii() or not token.isprintable() or not token:
            raise DyniaError(
                "GITHUB_TOKEN is not set, and comments and issues need it",
                hint="give the step `env: {GITHUB_TOKEN: ${{ github.token }}}`, as the action does",
            )
        self._repo, self._pause, self._me = f"repos/{repository}", pause, ""
        self._client = httpx.Client(
            timeout=TRY_S,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "dynia",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def me(self) -> str:
        """As whom this token writes."""
        if not self._me:
            status, raw = self._ask("GET", "user", may=(401, 403))
            self._me = WORKFLOW if status != 200 else parsed(raw, _User).login
        return self._me

    def comments(self, pull: int) -> tuple[Written, ...]:
        found = self._paged(f"{self._repo}/issues/{pull}/comments")
        return tuple(_written(one, one.id) for one in found)

    def write_comment(self, pull: int, body: str) -> None:
        """Raises `Unsure` where it may be there already."""
        self._make(f"{self._repo}/issues/{pull}/comments", {"body": body})

    def edit_comment(self, number: int, body: str) -> None:
        self._ask("PATCH", f"{self._repo}/issues/comments/{number}", {"body": body})

    def merged_pull(self, commit: str, branch: str) -> int:
        """The pull request whose merge made this commit of the branch, or 0."""
        status, raw = self._ask("GET", f"{self._repo}/commits/{commit}/pulls", may=(404, 422))
        pulls = parsed(raw, list[_Pull]) if status == 200 else []
        merged = [p for p in pulls if p.merged_at and p.merge_commit_sha == commit and p.base.ref == branch]
        return max((pull.number for pull in merged), default=0)

    def open_issues(self, author: str) -> tuple[Written, ...]:
        """Those that this author opened. GitHub lists pull requests among them."""
        found = self._paged(f"{self._repo}/issues", state="open", creator=author)
        return tuple(_written(one, one.number) for one in found if one.pull_request is None)

    def open_issue(self, title: str, body: str) -> None:
        """Raises `Unsure` where it may be there already."""
        self._make(f"{self._repo}/issues", {"title": title, "body": body})

    def edit_issue(self, number: int, body: str, *, close: bool = False) -> None:
        closed = {"state": "closed", "state_reason": "completed"} if close else {}
        self._ask("PATCH", f"{self._repo}/issues/{number}", {"body": body, **closed})

    def _paged(self, path: str, **query: str) -> list[_Text]:
        found: list[_Text] = []
        for page in range(1, MOST_PAGES + 1):
            params = {**query, "per_page": str(PAGE), "page": str(page)}
            got = parsed(self._ask("GET", path, params=params)[1], list[_Text])
            found += got
            if len(got) < PAGE:
                break
        return found

    def _make(self, path: str, body: dict[str, str]) -> None:
        self._ask("POST", path, body, repeatable=False)

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        may: tuple[int, ...] = (),
        repeatable: bool = True,
    ) -> tuple[int, bytes]:
        """Until there is an answer. `may`: refusals that the caller understands."""
        said, spent, tried = "", 0.0, 0
        for wait in (*PAUSES_S, None):
            tried += 1
            try:
                status, headers, raw = self._once(method, path, body, params)
            except httpx.ConnectError as error:  # surely not carried out
                said, asked = for_terminal(str(error)) or "no connection", 0.0
            except httpx.TransportError as error:
                said, asked = for_terminal(str(error)) or type(error).__name__, 0.0
                if not repeatable:
                    raise Unsure(said) from error
            else:
                if 200 <= status < 300 or status in may:
                    return status, raw
                limited = status == 403 and "retry-after" in headers
                if status < 500 and status not in _AGAIN and not limited:
                    raise _refused(method, path, status, raw)
                said, asked = f"HTTP {status}", retry_after(headers)
                if not repeatable and status >= 500:
                    raise Unsure(said)
            if wait is None or (spent := spent + max(wait, asked)) > LONGEST_S:
                break
            self._pause(max(wait, asked))
        raise NotObservedError(
            f"GitHub: no answer to {method} {path} ({said}, asked {tried} times)",
            hint=f"see {STATUS_PAGE}; run the job again",
        )

    def _once(
        self, method: str, path: str, body: dict[str, str] | None, params: Mapping[str, str] | None
    ) -> tuple[int, httpx.Headers, bytes]:
        """A redirect is not followed: the token is for this address alone."""
        with self._client.stream(method, f"{self._url}/{path}", json=body, params=params) as answer:
            raw = bytearray()
            for piece in answer.iter_bytes():
                raw += piece
                if len(raw) > MOST_ANSWER:
                    raise NotObservedError(f"GitHub: an answer to {method} {path} does not end")
            return answer.status_code, answer.headers, bytes(raw)


def parsed(raw: bytes, kind: type[_T]) -> _T:
    """An answer as what was asked for."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotObservedError(
            f"GitHub: an answer that is none ({for_terminal(str(error))})",
            hint="is GITHUB_API_URL the API's address?",
        ) from error


def comments_in(raw: bytes) -> tuple[Written, ...]:
    """One page of comments."""
    return tuple(_written(one, one.id) for one in parsed(raw, list[_Text]))


def _written(one: _Text, number: int) -> Written:
    return Written(number=number, author=one.user.login if one.user else "", body=one.body or "")


def _refused(method: str, path: str, status: int, raw: bytes) -> DyniaError:
    class Said(msgspec.Struct):
        message: str = ""

    try:
        said = for_terminal(msgspec.json.decode(raw, type=Said).message)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        said = ""
    hints = {
        401: "GITHUB_TOKEN is not accepted",
        403: "the job needs `permissions: {pull-requests: write}` (plan, apply), `{issues: write}` (nightly)",
        404: "is GITHUB_REPOSITORY right, and may GITHUB_TOKEN read it?",
    }
    return DyniaError(
        f"GitHub says no to {method} {path}: HTTP {status}{f', {said}' if said else ''}",
        hint=hints.get(status, ""),
    )
