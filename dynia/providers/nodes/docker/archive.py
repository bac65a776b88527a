"""An image FROM scratch as a `docker load` archive: same files, same image id on every machine."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile

from dynia.interfaces.shape import Shape

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImageFile(Shape):
    """A file of the image; a symlink where `link` is set."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    link: str = ""


def image_archive(tag: str, files: tuple[ImageFile, ...], config: dict[str, object]) -> bytes:
    """The archive; `config` is Docker's (Cmd, Entrypoint, ExposedPorts, Labels)."""
    layer = _tar([_entry(one) for one in sorted(files, key=lambda f: f.path)])
    about = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    described = json.dumps(about, sort_keys=True).encode()
    name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    parts = (("layer.tar", layer), (name, described), ("manifest.json", json.dumps(manifest).encode()))
    return _tar([_entry(ImageFile(path=path, content=content)) for path, content in parts])


def _entry(file: ImageFile) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(file.path)
    entry.mode, entry.size = file.mode, len(file.content)
    if file.link:
        entry.type, entry.linkname = tarfile.SYMTYPE, file.link
    return entry, file.content


def _tar(entries: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
