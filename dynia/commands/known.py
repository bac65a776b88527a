"""What a folder knows of its clusters: the state, and the desired file where there is one. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, Desired, GitState
from dynia.interfaces.errors import BadInput, DyniaError
from dynia.interfaces.shape import Shape
from dynia.interfaces.state_place import kept_state, open_state
from dynia.state.lease import TERM_S
from dynia.state.model import State
from dynia.state.store import Store


class Known(Shape):
    """`specs` are the file's clusters by name; `file` is None where only a state was found."""

    folder: Path
    file: Path | None
    specs: dict[str, ClusterSpec]
    state: State
    notes: tuple[str, ...] = ()
    unfinished: dict[str, tuple[str, ...]] = {}
    lease: float = TERM_S

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.specs, *(c.name for c in self.state.clusters)}))


def look(file: str | None, environ: Mapping[str, str], start: Path) -> Known:
    """The file that was named, else the nearest one upwards, else the nearest state."""
    from dynia.interfaces.clusters_file import load

    path = _file(file, environ, start)
    # The file first: what is wrong in it is said before what follows from it.
    return _known(path, load(path) if path is not None else None, start)


def look_leniently(file: str | None, environ: Mapping[str, str], start: Path) -> Known:
    """The same, where the state is what matters: a file that is wrong is no more than noted."""
    from dynia.interfaces.clusters_file import load

    path = _file(file, environ, start)
    try:
        return _known(path, load(path) if path is not None else None, start)
    except BadInput as error:
        first = error.mistakes[0]
        note = f"{first.file}:{first.line}: {first.message}; the file is not asked"
        if path is None or Path(first.file).name != path.name:
            note = f"{error.message}; the file is not asked"
    known = _known(path, None, start)
    return replace(known, notes=(*known.notes, note))


def _known(path: Path | None, desired: Desired | None, start: Path) -> Known:
    folder = path.parent if path is not None else _folder_of_state(start)
    kept = kept_state(path)
    store = open_state(folder, kept, make=False)
    unhurried = max(TERM_S, 120.0) if isinstance(kept, GitState) else TERM_S
    return Known(
        lease=desired.lease if desired is not None else unhurried,
        folder=folder,
        file=path,
        specs={spec.name: spec for spec in desired.clusters} if desired is not None else {},
        state=store.state,
        notes=store.notes,
        unfinished={
            c.name: tuple(begun.step for begun in store.unfinished(c.name)) for c in store.state.clusters
        },
    )


def store_of(file: str | None, environ: Mapping[str, str], start: Path, *, make: bool) -> Store:
    """The state, whatever is wrong with the rest of the file. With ``make=False`` nothing is written."""
    path = _file(file, environ, start)
    folder = path.parent if path is not None else _folder_of_state(start)
    return open_state(folder, kept_state(path), make=make)


def _file(file: str | None, environ: Mapping[str, str], start: Path) -> Path | None:
    from dynia.interfaces.find_file import find_file

    try:
        return find_file(file, environ, start)
    except DyniaError:
        # A file that was named must be there; one that is only looked for need not, if there is a state.
        if file or environ.get("DYNIA_FILE") or not _states(start):
            raise
        return None


def _folder_of_state(start: Path) -> Path:
    return _states(start)[0]


def _states(start: Path) -> list[Path]:
    return [folder for folder in (start, *start.parents) if (folder / "state.json").is_file()]
