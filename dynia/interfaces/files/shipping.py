"""Collects the files that a compose file mounts or reads: bounded, and never from outside its folder."""

from __future__ import annotations

import posixpath

from dynia.interfaces.desired import ShippedFile
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.look import MAX_FILE, Absent, Folder, Link, Look, Regular, Seen
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.yaml_tree import Path, Spot

MAX_SERVICE = 50 * 1024 * 1024
MAX_FILES = 5000
MAX_LINKS = 40
# what Dynia writes into the service's folder on a node
RESERVED = frozenset((".env", "docker-compose.yml", "override.yaml"))
SECRETS_FOLDER = ".dynia-secrets"


class Shipment:
    """Files of one service. `root` is the compose file's folder, `shown` how messages name it."""

    def __init__(self, root: str, shown: str, look: Look, compose_name: str) -> None:
        self.root, self.shown, self.compose_name = root, shown, compose_name
        self.disk = look
        self.folders: dict[str, Seen] = {}
        self.files: dict[str, ShippedFile] = {}
        self.found: list[Mistake] = []
        self.size = 0
        self.full = False

    def look(self, path: str) -> Seen:
        """What stands there; a folder is listed once."""
        if path not in self.folders:
            seen = self.disk(path)
            if isinstance(seen, Regular):
                return seen
            self.folders[path] = seen
        return self.folders[path]

    def ship(
        self,
        folder: str,
        source: str,
        spot: Spot,
        path: Path,
        *,
        secret: bool = False,
        optional: bool = False,
    ) -> tuple[str, ...]:
        """The paths that were shipped for `source`, which is relative to `folder` inside the root."""
        relative = posixpath.normpath(posixpath.join(folder, source))
        if posixpath.isabs(source) or source.startswith("~") or relative.split("/")[0] == "..":
            message = f"{source} is outside the compose file's folder"
            hint = f"put it below {self.shown or '.'}/, or move the compose file up"
            self.found.append(mistake(spot, path, "outside-folder", message, hint))
            return ()
        if optional and isinstance(self.settle(relative), Absent):
            return ()
        return tuple(self.collect(relative, spot, path, secret, 0))

    def read(self, folder: str, source: str) -> Regular | Absent:
        """One file, for reading only."""
        seen = self.settle(posixpath.normpath(posixpath.join(folder, source)))
        return seen if isinstance(seen, Regular | Absent) else Absent(reason="not a file")

    def name(self, relative: str) -> str:
        """How messages name a path below the root."""
        return posixpath.normpath(posixpath.join(self.shown, relative))

    def settle(self, relative: str) -> Regular | Folder | Absent:
        """What stands at a path below the root; links are followed as long as they stay there."""
        waiting = [part for part in relative.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        links = 0
        seen = self.look(self.root)
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not done:
                    return Absent(reason="a symbolic link leads out of the compose file's folder")
                done.pop()
                seen = self.look(posixpath.join(self.root, *done))
                continue
            seen = self.look(posixpath.join(self.root, *done, part))
            if isinstance(seen, Link):
                links += 1
                if links > MAX_LINKS:
                    return Absent(reason="a loop of symbolic links")
                target = seen.target
                if posixpath.isabs(target):
                    inside = posixpath.relpath(posixpath.normpath(target), self.root)
                    if inside.split("/")[0] == "..":
                        return Absent(reason="a symbolic link leads out of the compose file's folder")
                    target, done = inside, []
                waiting += [piece for piece in target.split("/") if piece not in ("", ".")][::-1]
                seen = self.look(posixpath.join(self.root, *done))
            elif isinstance(seen, Absent):
                return seen
            else:
                done.append(part)
        return seen if not isinstance(seen, Link) else Absent(reason="a loop of symbolic links")

    def collect(self, relative: str, spot: Spot, path: Path, secret: bool, depth: int) -> list[str]:
        def refuse(rule: str, message: str, hint: str = "") -> list[str]:
            self.found.append(mistake(spot, path, rule, message, hint))
            return []

        seen = self.settle(relative)
        shown = self.name(relative)
        if isinstance(seen, Absent):
            rule = "missing-file" if seen.reason == "no such file" else "unreadable-file"
            if "symbolic link" in seen.reason:
                rule = "symlink-loop" if "loop" in seen.reason else "outside-folder"
            return refuse(rule, f"{shown}: {seen.reason}")
        if isinstance(seen, Folder):
            if depth > MAX_LINKS:
                return refuse("symlink-loop", f"{shown}: folders inside one another without end")
            names = [name for name in seen.names if relative != "." or name not in self.already()]
            return [
                shipped
                for name in names
                if len(self.found) < 20 and not self.full
                for shipped in self.collect(
                    posixpath.normpath(posixpath.join(relative, name)), spot, path, secret, depth + 1
                )
            ]
        if relative in self.already():
            return []
        if relative in RESERVED or relative.split("/")[0] == SECRETS_FOLDER:
            return refuse("reserved-path", f"Dynia writes {relative} itself on the nodes", "rename the file")
        if not relative.isprintable():
            message = f"{relative!r} has characters in its name that cannot be shown"
            return refuse("bad-file-name", message, "rename the file")
        if seen.content is None:
            return refuse("file-too-large", f"{shown} is larger than {MAX_FILE // 1024 // 1024} MiB")
        if relative not in self.files:
            self.size += seen.size
        if self.size > MAX_SERVICE or len(self.files) >= MAX_FILES:
            if self.full:
                return []
            self.full = True
            limit = f"{MAX_SERVICE // 1024 // 1024} MiB or {MAX_FILES} files"
            return refuse("service-too-large", f"the files of this service are more than {limit}")
        known = self.files.get(relative)
        self.files[relative] = ShippedFile(
            path=relative,
            # group and others never get write access: umasks differ between operators
            mode=seen.mode & 0o755,
            content=seen.content,
            source=shown,
            secret=secret or (known is not None and known.secret),
        )
        return [relative]

    def already(self) -> frozenset[str]:
        """Names in the root that are on the node anyway."""
        return frozenset((".env", self.compose_name)) & RESERVED
