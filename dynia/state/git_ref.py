"""The ref of the remote that carries the state: its files as last seen, and a commit on top of it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.state.git_command import TIMEOUT_S, Git, GitFailed

REF = "refs/dynia/state"
REGULAR = ("100644", "100755")
_PAUSE_S = 0.05
_BATCH = 16 * 1024 * 1024


class Entry(Shape):
    """A file of the tree."""

    mode: str
    blob: str
    size: int


class GitRef:
    """`files` are by path from the top of the repository that `folder` is in; `top` is that."""

    def __init__(self, folder: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._git = Git(folder, timeout_s=timeout_s)
        self.top = self._toplevel(folder)
        self.remote = self._chosen()
        self.files: dict[str, Entry] = {}
        self._head = ""
        self._blobs: dict[str, bytes] = {}

    def refresh(self) -> None:
        """See the ref as it is now."""
        there = self._asked()
        if there == self._head:
            return
        if there:
            self._fetch(there)
        self._head = there
        self.files = self._listed(there) if there else {}

    def content(self, name: str) -> bytes:
        """What a file says; those beside it, which will be read next, come with it in one process."""
        entry, folder = self.files[name], name.rpartition("/")[0]
        if entry.blob not in self._blobs:
            wanted, size = [entry.blob], entry.size
            for other, one in self.files.items():
                if other.rpartition("/")[0] == folder and one.blob not in self._blobs and one.mode in REGULAR:
                    size += one.size
                    if size <= _BATCH:
                        wanted.append(one.blob)
            self._fill(wanted)
        return self._blobs[entry.blob]

    def commit(self, new: Mapping[str, bytes], gone: set[str]) -> bool:
        """One commit, pushed if the remote is where it was last seen. False: it has moved on, and `files` are
        those of now."""
        gone = gone & set(self.files) - set(new)
        blobs = {
            name: self._git.run("hash-object", "-w", "--stdin", stdin=data).decode().strip()
            for name, data in new.items()
        }
        commit = self._made(blobs, gone)
        if not self._pushed(commit):
            return False
        for name, data in new.items():
            self._blobs[blobs[name]] = data
            self.files[name] = Entry(mode=REGULAR[0], blob=blobs[name], size=len(data))
        for name in gone:
            del self.files[name]
        return True

    def _made(self, blobs: Mapping[str, str], gone: set[str]) -> str:
        """A commit of the tree with these changes, made beside the user's own index."""
        changes = [f"0 {'0' * len(self._head)}\t{name}" for name in sorted(gone)]
        changes += [f"{REGULAR[0]} {blob}\t{name}" for name, blob in sorted(blobs.items())]
        with tempfile.TemporaryDirectory(prefix="dynia-index-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if self._head:
                self._git.run("read-tree", self._head, environ=index)
            lines = "".join(f"{line}\0" for line in changes).encode(errors="surrogateescape")
            self._git.run("update-index", "-z", "--index-info", stdin=lines, environ=index)
            tree = self._git.run("write-tree", environ=index).decode().strip()
        parent = ("-p", self._head) if self._head else ()
        message = f"dynia: {', '.join(sorted(blobs)) or 'a lease is free'}\n"
        return self._git.run("commit-tree", tree, *parent, stdin=message.encode()).decode().strip()

    def _pushed(self, commit: str) -> bool:
        """Compare-and-swap. Where git says no, the remote is asked: an answer may have got lost."""
        former = self._head
        options = ("--quiet", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        lease = f"--force-with-lease={REF}:{former}"
        try:
            self._git.run("push", *options, lease, self.remote, f"{commit}:{REF}")
        except GitFailed as failed:
            there = self._asked()
            if there == former:
                if "cannot lock ref" not in failed.said:
                    raise
                time.sleep(_PAUSE_S)
                return False
            if there != commit:
                self.refresh()
                return False
        self._head = commit
        # Only helps git not to fetch all of it again.
        with contextlib.suppress(GitFailed):
            self._git.run("update-ref", REF, commit)
        return True

    def _asked(self) -> str:
        """Where the remote's ref is; empty where it has none yet."""
        return self._git.text("ls-remote", self.remote, REF).partition("\t")[0]

    def _fetch(self, commit: str) -> None:
        """Its objects, if they are not here."""
        with contextlib.suppress(GitFailed):
            self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
            return
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
        for left in reversed(range(3)):
            try:
                self._git.run("fetch", *options, self.remote, f"+{REF}:{REF}")
                return
            except GitFailed as failed:
                # Another run in this working tree is at the local ref.
                if not left or "lock" not in failed.said:
                    raise
                time.sleep(_PAUSE_S)

    def _listed(self, commit: str) -> dict[str, Entry]:
        found = {}
        for line in self._git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0"):
            facts, tab, name = line.partition(b"\t")
            if tab:
                mode, _, blob, size = facts.decode().split()
                known = Entry(mode=mode, blob=blob, size=int(size) if size.isdecimal() else 0)
                found[name.decode(errors="surrogateescape")] = known
        return found

    def _fill(self, wanted: list[str]) -> None:
        out = self._git.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
        at = 0
        for blob in wanted:
            end = out.index(b"\n", at)
            kind = out[at:end].split()
            if kind[1:2] != [b"blob"]:
                raise GitFailed(f"the repository has lost an object of {REF}")
            length = int(kind[2])
            self._blobs[blob] = out[end + 1 : end + 1 + length]
            at = end + 2 + length

    def _toplevel(self, folder: Path) -> Path:
        try:
            top = Path(self._git.text("rev-parse", "--show-toplevel"))
        except GitFailed as failed:
            raise DyniaError(
                f"the state is to be in git, and {folder.absolute()} is in no repository ({failed.said})",
                hint="clone the clusters' repository, or say state: {kind: file}",
            ) from failed
        return top.resolve()

    def _chosen(self) -> str:
        """`origin`, or whatever the only remote is called."""
        remotes = self._git.text("remote").split()
        if "origin" in remotes or len(remotes) == 1:
            return "origin" if "origin" in remotes else remotes[0]
        said = f"it has {', '.join(remotes)}, and none is called origin" if remotes else "it has no remote"
        raise DyniaError(
            f"the state is to be in git, and the repository {self.top} does not say where: {said}",
            hint="`git remote add origin URL`, or say state: {kind: file}",
        )


def known_here(folder: Path) -> bool:
    """Whether this clone has seen a state of this folder in git. Asks no remote."""
    try:
        git = Git(folder)
        git.run("cat-file", "-e", f"{REF}:{git.text('rev-parse', '--show-prefix')}state.json")
    except GitFailed:
        return False
    return True
