"""The state on a ref of the clusters' repository: a file system whose every change is one pushed commit.

The files lie in the tree of ``refs/dynia/state`` of the remote, at the paths that they would have beside
clusters.yaml. No branch is read or written, and nothing in the working tree. A change is a commit on the ref
as it was last seen, pushed only if the ref is still there (compare-and-swap): so of two writers one is first,
and the other looks again. What lies in memory only: temporary files, and removals until the next commit.

A lock of a lease is a file that is pushed together with the record that takes the lease. It stays where its
process dies, so a lease of a dead run ends by its term, or by `dynia state unlock`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dynia.interfaces.errors import DyniaError, Locked
from dynia.state.disk import LocalDisk, is_temporary
from dynia.state.git_command import TIMEOUT_S, Git, GitFailed
from dynia.state.lock import Hold, Holder, locked_by

REF = "refs/dynia/state"
_TRIES = 20
_PAUSE_S = 0.05
_BATCH = 16 * 1024 * 1024
_FILES = ("100644", "100755")
_LOCK = 4096
_HINT = (
    "wait for it to end (`--lock-wait 5m` does), then run this again. A run that was killed leaves its lock "
    "in git until its term is over; if it never will end, there is `dynia state unlock`"
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the tree."""

    mode: str
    blob: str
    size: int


class GitDisk:
    """Keeps `Disk`. `folder` is where clusters.yaml lies; `first` is the file that is read before all others:
    with it a look begins, so that is when the remote is asked what there is now."""

    def __init__(self, folder: Path, first: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._git = Git(folder, timeout_s=timeout_s)
        self._first = first
        self._local = LocalDisk()
        self._top = self._toplevel(folder)
        self._remote = self._chosen()
        self._head = ""
        self._tree: dict[str, _Entry] = {}
        self._blobs: dict[str, bytes] = {}
        self._folders: set[Path] = set()
        self._temporary: dict[Path, bytes] = {}
        self._staged: dict[str, bytes] = {}
        self._gone: set[str] = set()
        self._held: set[str] = set()

    def has(self, path: Path) -> bool:
        """Whether the remote has this file now."""
        self._refresh()
        return self._name(path) in self._tree

    def create_all(self, files: Mapping[Path, bytes], first: Path) -> None:
        """Several new files in one commit. `FileExistsError` where `first` is there already."""
        named = {self._name(path): data for path, data in files.items()}
        for _ in range(_TRIES):
            if self._name(first) in self._tree:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(first))
            if self._commit(named, set()):
                return
        raise self._busy()

    def read(self, path: Path, limit: int) -> bytes:
        if path == self._first:
            self._refresh()
        name = self._name(path)
        if name in self._staged:
            return self._staged[name]
        entry = None if name in self._gone else self._tree.get(name)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if entry.mode not in _FILES:
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if entry.size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        if entry.blob not in self._blobs:
            self._fill(name, entry)
        return self._blobs[entry.blob]

    def names(self, folder: Path) -> list[str]:
        start = self._name(folder) + "/"
        here = {*self._tree, *self._staged} - self._gone
        found = {name[len(start) :].partition("/")[0] for name in here if name.startswith(start)}
        return sorted(found | {p.name for p in (*self._temporary, *self._folders) if p.parent == folder})

    def make_folder(self, folder: Path) -> None:
        """A tree has no folders but those of its files. The one for what stays here is made here."""
        self._folders.add(folder)
        if folder.name == ".dynia":
            self._local.make_folder(folder)

    def write(self, path: Path, data: bytes) -> None:
        if not is_temporary(path.name):
            self._create(path, data)
            return
        if path in self._temporary:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        self._temporary[path] = data

    def link(self, source: Path, target: Path) -> None:
        self._create(target, self._temporary[source])

    def rename(self, source: Path, target: Path) -> None:
        """In the place of what was there when it was last read: somebody else's change is not overwritten."""
        name, moved = self._name(target), None if source in self._temporary else self._name(source)
        data = self.read(source, _BATCH) if moved else self._temporary[source]
        before = self._tree.get(name)
        for _ in range(_TRIES):
            if self._commit({name: data}, {moved} if moved else set()):
                self._temporary.pop(source, None)
                return
            if self._tree.get(name) != before:
                raise Locked(f"{target.name} was written by another run meanwhile", hint="run this again")
        raise self._busy()

    def remove(self, path: Path) -> None:
        if self._temporary.pop(path, None) is None:
            name = self._name(path)
            self._staged.pop(name, None)
            if name in self._tree:
                self._gone.add(name)

    def sync_folder(self, folder: Path) -> None:
        """Whatever was committed is there for good."""

    def hold(self, path: Path, who: str, *, wait: float) -> Hold:
        """The lock of a lease is the remote's, and told with the next commit; others are among the runs of
        this working tree."""
        if path.suffix != ".lock":
            return self._local.hold(path, who, wait=wait)
        name = self._name(path)
        if name in self._tree and name not in self._gone:
            raise locked_by(path, _holder(self.read(path, _LOCK)), _HINT)
        holder = Holder(who=who, pid=os.getpid(), host=socket.gethostname(), since=int(time.time()))
        self._staged[name] = msgspec.json.encode(holder)
        return _Lock(self, path)

    def free(self, path: Path) -> None:
        """Take the lock of a lease away, if it is this run's: another one's may have the same name by now.
        Where the remote does not answer it stays, until its term is over."""
        name = self._name(path)
        self._staged.pop(name, None)
        if name not in self._held:
            return
        self._held.discard(name)
        self.remove(path)
        with contextlib.suppress(DyniaError):
            for _ in range(_TRIES):
                if not self._gone or self._commit({}, set()):
                    return

    def _create(self, path: Path, data: bytes) -> None:
        name = self._name(path)
        for _ in range(_TRIES):
            if name in self._tree and name not in self._gone:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            if self._commit({name: data}, set()):
                return
        raise self._busy()

    def _busy(self) -> GitFailed:
        return GitFailed(f"{REF} of {self._remote} changes faster than it can be written")

    def _commit(self, new: Mapping[str, bytes], gone: set[str]) -> bool:
        """One commit with what is new, staged and gone, pushed if the remote is where we saw it. False: it
        has moved on, and was read again."""
        files = {**self._staged, **new}
        gone = (gone | self._gone) & set(self._tree) - set(files)
        blobs = {
            name: self._git.run("hash-object", "-w", "--stdin", stdin=data) for name, data in files.items()
        }
        changes = [f"0 {'0' * len(self._head)}\t{name}" for name in sorted(gone)]
        changes += [f"100644 {blob.decode().strip()}\t{name}" for name, blob in sorted(blobs.items())]
        with tempfile.TemporaryDirectory(prefix="dynia-index-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if self._head:
                self._git.run("read-tree", self._head, environ=index)
            lines = "".join(f"{line}\0" for line in changes).encode(errors="surrogateescape")
            self._git.run("update-index", "-z", "--index-info", stdin=lines, environ=index)
            tree = self._git.run("write-tree", environ=index).decode().strip()
        parent = ("-p", self._head) if self._head else ()
        message = f"dynia: {', '.join(sorted(new)) or 'a lease is free'}\n"
        commit = self._git.run("commit-tree", tree, *parent, stdin=message.encode()).decode().strip()
        if not self._push(commit):
            return False
        for name, data in files.items():
            blob = blobs[name].decode().strip()
            self._blobs[blob] = data
            self._tree[name] = _Entry(mode=_FILES[0], blob=blob, size=len(data))
        for name in gone:
            del self._tree[name]
        self._held |= set(self._staged)
        self._staged, self._gone = {}, set()
        return True

    def _push(self, commit: str) -> bool:
        """Compare-and-swap. Where git says no, the remote is asked: an answer may have got lost."""
        former = self._head
        options = ("--quiet", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        lease = f"--force-with-lease={REF}:{former}"
        try:
            self._git.run("push", *options, lease, self._remote, f"{commit}:{REF}")
        except GitFailed as failed:
            there = self._asked()
            if there == former:
                if "cannot lock ref" not in failed.said:
                    raise
                time.sleep(_PAUSE_S)
                return False
            if there != commit:
                self._refresh()
                return False
        self._head = commit
        self._remember(commit)
        return True

    def _asked(self) -> str:
        """Where the remote's ref is; empty where it has none yet."""
        return self._git.text("ls-remote", self._remote, REF).partition("\t")[0]

    def _refresh(self) -> None:
        """See the ref as it is now."""
        there = self._asked()
        if there == self._head:
            return
        if there:
            self._fetch(there)
        self._head = there
        self._tree = self._listed(there) if there else {}
        self._gone &= set(self._tree)

    def _fetch(self, commit: str) -> None:
        """Its objects. The local ref only helps git not to fetch all of it again."""
        with contextlib.suppress(GitFailed):
            self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
            return
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
        for left in reversed(range(3)):
            try:
                self._git.run("fetch", *options, self._remote, f"+{REF}:{REF}")
                return
            except GitFailed as failed:
                # Another run in this working tree is at the local ref.
                if not left or "lock" not in failed.said:
                    raise
                time.sleep(_PAUSE_S)

    def _remember(self, commit: str) -> None:
        with contextlib.suppress(GitFailed):
            self._git.run("update-ref", REF, commit)

    def _listed(self, commit: str) -> dict[str, _Entry]:
        found = {}
        for line in self._git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0"):
            facts, tab, name = line.partition(b"\t")
            if tab:
                mode, _, blob, size = facts.decode().split()
                known = _Entry(mode=mode, blob=blob, size=int(size) if size.isdecimal() else 0)
                found[name.decode(errors="surrogateescape")] = known
        return found

    def _fill(self, name: str, entry: _Entry) -> None:
        """Read a file, and those beside it that will be read next: one process for all of them."""
        folder = name.rpartition("/")[0]
        wanted, size = [entry.blob], entry.size
        for other, one in self._tree.items():
            if other.rpartition("/")[0] == folder and one.blob not in self._blobs and one.mode in _FILES:
                size += one.size
                if size <= _BATCH:
                    wanted.append(one.blob)
        out = self._git.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
        at = 0
        for blob in wanted:
            end = out.index(b"\n", at)
            kind = out[at:end].split()
            if kind[1:2] != [b"blob"]:
                raise GitFailed(f"{name}: the repository has lost an object of {REF}")
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
            f"the state is to be in git, and the repository {self._top} does not say where: {said}",
            hint="`git remote add origin URL`, or say state: {kind: file}",
        )

    def _name(self, path: Path) -> str:
        """The path in the tree."""
        return (path.parent.resolve() / path.name).relative_to(self._top).as_posix()


def known_here(folder: Path) -> bool:
    """Whether this clone has seen a state of this folder in git. Asks no remote."""
    try:
        git = Git(folder)
        git.run("cat-file", "-e", f"{REF}:{git.text('rev-parse', '--show-prefix')}state.json")
    except GitFailed:
        return False
    return True


def _holder(data: bytes) -> Holder | None:
    try:
        return msgspec.json.decode(data, type=Holder)
    except msgspec.MsgspecError:
        return None


class _Lock(Hold):
    """A lock of a lease, as long as it is not freed."""

    def __init__(self, disk: GitDisk, path: Path) -> None:
        super().__init__(-1)
        self._disk, self._path = disk, path

    def close(self) -> None:
        self._disk.free(self._path)
