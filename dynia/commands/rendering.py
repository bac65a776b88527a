"""Runs `dynia render`: the tree of configs, written beside the file or printed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.find_file import find_file
from dynia.interfaces.observed import ResolvedImage, UnresolvedImage
from dynia.interfaces.requests import RenderRequest
from dynia.services.planning.components import image_references
from dynia.services.planning.deploy_config import ClusterMetadata, deploy_config, preview_topology
from dynia.services.planning.render import recipes
from dynia.services.session import Session

FOLDER, MARK = "deploy-config", "cluster-metadata.json"


def render(request: RenderRequest) -> int:
    """Render, then write or print; the exit code."""
    output = standard_output()
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    if session.spec is None:
        raise DyniaError(f"cluster {session.cluster} is not in the file")
    images = run_interruptible(_images(session, output))
    topology = preview_topology(
        session.spec, session.store.state, images, session.templates, session.secrets, session.certificate
    )
    tree = deploy_config(topology, recipes(topology))
    if request.out == "-":
        for path, content in tree.items():
            output.show(f"==> {path} <==\n{content.decode(errors='replace')}")
        return 0
    folder = _folder(request)
    changed = write_tree(folder, tree)
    output.show(f"{folder}: {len(tree)} files of cluster {session.cluster}, {changed} changed.")
    return 0


def write_tree(folder: Path, tree: dict[str, bytes]) -> int:
    """Make the folder this tree; how many files changed. Only what a render listed is ever removed."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise Refused(
            f"{folder} holds something that `dynia render` did not write",
            hint="name another folder with --out, or empty this one",
        )
    changed = sum(_remove(folder, name) for name in _listed(folder) if name not in tree)
    for name, content in tree.items():
        path = folder / name
        if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        changed += 1
    return changed


def _folder(request: RenderRequest) -> Path:
    import os

    if request.out:
        return Path(request.out)
    return find_file(request.target.file, os.environ, Path.cwd()).parent / FOLDER


def _listed(folder: Path) -> tuple[str, ...]:
    """Files of an earlier render; its list may have been edited, so nothing outside of the folder counts."""
    mark = folder / MARK
    if not mark.is_file():
        return ()
    try:
        named = msgspec.json.decode(mark.read_bytes(), type=ClusterMetadata).files
    except msgspec.DecodeError:
        return ()
    return tuple(name for name in named if not name.startswith("/") and ".." not in name.split("/"))


def _remove(folder: Path, name: str) -> int:
    path = folder / name
    if not path.is_file() or path.resolve().is_relative_to(folder.resolve()) is False:
        return 0
    path.unlink()
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()
    return 1


async def _images(session: Session, output: Output) -> dict[str, ResolvedImage]:
    """What can be told without a node: a reference that nobody answers for is printed as it is."""
    if session.spec is None:
        return {}
    source = await session.vendors.images()
    references = image_references(session.spec)
    found = await asyncio.gather(*(source.resolve(reference) for reference in references))
    for image in found:
        if isinstance(image, UnresolvedImage):
            output.tell(f"Note: image {image.reference} stays a name here: {image.reason}")
    return {image.reference: image for image in found if isinstance(image, ResolvedImage)}
