"""A lease that is held, and a look at one from outside."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import msgspec

from dynia.interfaces.shape import Shape
from dynia.state.disk import Disk, replace
from dynia.state.lease import Beat, Lessee, acts_for
from dynia.state.loaded import Places
from dynia.state.lock import Hold
from dynia.state.record import Mark

_BEAT_LIMIT = 4096


class Tenant(Shape):
    """Who took the lease `fencing` (nobody yet: 0), and the last beat as bytes."""

    fencing: int
    lessee: Lessee | None
    beat: bytes


@dataclass(slots=True)
class Tenancy:
    """One run's lease of one cluster. `beaten` is when its last sign of life was begun, on its own clock."""

    cluster: str
    run: str
    lessee: Lessee
    number: int
    hold: Hold
    beaten: float
    beats: int = 0
    overtaken: bool = False

    @property
    def acts(self) -> float:
        return acts_for(self.lessee.term)

    def sure(self, now: float) -> bool:
        """Whether nobody can have given it up yet, and it is early enough to begin something."""
        return not self.overtaken and now - self.beaten < self.acts

    def left(self, now: float) -> float:
        return 0.0 if self.overtaken else self.beaten + self.lessee.term - now

    def beat(self, disk: Disk, places: Places, *, at: int, began: float) -> None:
        data = msgspec.json.encode(Beat(fencing=self.number, count=self.beats, at=at))
        path = places.beat(self.cluster, self.number)
        replace(disk, path, data, temporary_folder=path.parent, owner=self.run)
        self.beats += 1
        self.beaten = began

    def renewed(self, number: int, hold: Hold, began: float) -> None:
        self.hold.close()
        self.number, self.hold, self.beaten = number, hold, began

    def sweep(self, disk: Disk, places: Places) -> None:
        """Take away what leases before this one left: nobody asks about them any more."""
        folder = places.leases(self.cluster)
        own = places.lock(self.cluster, self.number).name
        with contextlib.suppress(OSError):
            for name in disk.names(folder):
                if name[:8].isdecimal() and name < own[:8]:
                    disk.remove(folder / name)

    def close(self) -> None:
        self.hold.close()


def look(disk: Disk, places: Places, cluster: str, mark: Mark) -> Tenant:
    """Takes no lock: whoever only asks is in nobody's way."""
    try:
        beat = disk.read(places.beat(cluster, mark.fencing), _BEAT_LIMIT)
    except OSError:
        beat = b""
    return Tenant(fencing=mark.fencing, lessee=mark.lessee, beat=beat)
