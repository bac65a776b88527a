"""Opens the state where clusters.yaml says that it is kept; one that lies elsewhere is not taken for none."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from dynia.interfaces.desired import FileState, GitState, KeptState
from dynia.interfaces.errors import DyniaError
from dynia.state.store import Store, open_store

# Where the file lies that was put into git: no run takes it for a state.
MOVED = "state-moved-to-git.json"


def open_state(folder: Path, kept: KeptState, *, make: bool = True) -> Store:
    """The state of the clusters.yaml in `folder`. With ``make=False`` nothing is written.

    One that lies beside the file goes to git with the first run after the file says so.
    """
    if isinstance(kept, GitState):
        return _in_git(folder, make)
    if make and not (folder / "state.json").exists():
        _refuse_left_in_git(folder)
    return open_store(folder, make=make)


def kept_state(path: Path | None) -> KeptState:
    """Where the state is kept, read from clusters.yaml alone, whatever else is wrong with it."""
    from dynia.interfaces.files.kept import kept_in

    return kept_in(path) if path is not None else FileState()


def _in_git(folder: Path, make: bool) -> Store:
    from dynia.state.git_disk import GitDisk
    from dynia.state.loaded import Places

    places = Places(folder=folder)
    disk = GitDisk(folder, places.state)
    if places.state.exists():
        if not disk.has(places.state):
            if not make:
                return open_store(folder, make=False)
            _move(folder)
            disk = GitDisk(folder, places.state)
        elif (
            open_store(folder, make=False).state.lineage
            != open_store(folder, make=False, disk=disk).state.lineage
        ):
            raise DyniaError(
                f"{places.state} is another state than the one in git",
                hint="the file says state: {kind: git}: move state.json away if that is the right one",
            )
    return open_store(folder, make=make, disk=disk, current=places.home / "current")


def _move(folder: Path) -> None:
    """Put what lies beside the file into git, as it lies there, under every cluster's lock."""
    from dynia.state.git_disk import GitDisk
    from dynia.state.loaded import Places

    places = Places(folder=folder)
    local, disk = open_store(folder), GitDisk(folder, places.state)
    moved = disk.has(places.state)
    try:
        with ExitStack() as held:
            for cluster in local.state.clusters:
                held.enter_context(local.lock(cluster.name, "the state goes to git"))
            records = [path for path in places.journals.glob("*/*.json") if path.is_file()]
            files = {path: path.read_bytes() for path in (places.state, *records)}
            disk.create_all(files, places.state)
            places.state.rename(places.home / MOVED)
            moved = True
    except DyniaError:
        if not moved:  # else it only says that the state that was locked has gone
            raise


def _refuse_left_in_git(folder: Path) -> None:
    """A first state is made where there is none; not where the file was changed back to kind file."""
    from dynia.state.git_ref import REF, known_here

    if known_here(folder):
        raise DyniaError(
            f"there is no state.json in {folder.absolute()}, and this repository has a state in git ({REF})",
            hint="say state: {kind: git}",
        )
