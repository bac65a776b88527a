"""One `git` command after the other in the clusters' repository: bounded in time, asking nobody, in words."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dynia.interfaces.errors import NotKept

TIMEOUT_S = 30.0
# What a hook or an alias of the caller's has set would point git at another repository or index.
_NOT_OURS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
)
_CREDENTIALS = re.compile(r"://[^/\s@]+@")
_NAME, _MAIL = "dynia", "dynia@localhost"


class GitFailed(NotKept):
    """git ended badly, or not in time. `said` is what it wrote, without credentials."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the state is kept in git, and {said}",
            hint="what is recorded so far is safe; mend that and run this again. If the lock of this run is "
            "still in git then, `--lock-wait 5m` waits until it counts no more",
        )
        self.said = said


class Git:
    """Runs git in one folder. No terminal, no editor, no hook of the user's, no signature is asked for."""

    def __init__(self, folder: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._folder = folder
        self._timeout_s = timeout_s

    def run(self, *argv: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> bytes:
        """What it wrote to standard output. `GitFailed` where it ended badly or not in time."""
        command = ("git", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", *argv)
        try:
            # A session of its own: Ctrl-C is for Dynia, and ssh finds no terminal to ask a password on.
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env={**_environment(), **(environ or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise GitFailed("the git command is not installed, or the folder is gone") from error
        try:
            out, err = process.communicate(stdin, timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise GitFailed(f"git {argv[0]} did not end within {self._timeout_s:g} s") from None
        except BaseException:
            _kill(process)
            raise
        if process.returncode != 0:
            raise GitFailed(_words(argv[0], err.decode(errors="replace") + out.decode(errors="replace")))
        return out

    def text(self, *argv: str) -> str:
        return self.run(*argv).decode(errors="replace").strip()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With what it has started: ssh or a helper that hangs would go on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_AUTHOR_NAME": _NAME,
        "GIT_AUTHOR_EMAIL": _MAIL,
        "GIT_COMMITTER_NAME": _NAME,
        "GIT_COMMITTER_EMAIL": _MAIL,
    }


def _words(verb: str, said: str) -> str:
    """The lines that say why, without what is inside of a URL before the @."""
    lines = [_CREDENTIALS.sub("://", line.strip()) for line in said.splitlines()]
    telling = [
        line.removeprefix("fatal: ").removeprefix("error: ").removeprefix("remote: ")
        for line in lines
        if line.startswith(("fatal: ", "error: ", "remote: ", "!", "ssh: ")) or "denied" in line.lower()
    ]
    shown = "; ".join(dict.fromkeys(line for line in telling or lines if line))
    return f"git {verb}: {shown[:400] or 'it ended badly and says nothing'}"
