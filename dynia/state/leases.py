"""The leases of a run: taken, kept by beats, taken anew, and lost to another run (law 11)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import msgspec

from dynia.interfaces.errors import Locked
from dynia.state import journal
from dynia.state.kept import Kept
from dynia.state.lease import Lessee
from dynia.state.loaded import load
from dynia.state.record import RECORD_VERSION, Mark, Record
from dynia.state.refused import in_words
from dynia.state.tenancy import Tenancy, Tenant, look

_TRIES = 50


class Leases:
    """Of one run, in what it knows of the state's files. `clock` is what people are shown, `boot` what leases
    are counted by; `new_id` names runs."""

    def __init__(
        self, kept: Kept, *, clock: Callable[[], int], boot: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._kept, self._clock, self._boot, self._new_id = kept, clock, boot, new_id

    def take(self, cluster: str, lessee: Lessee, past: int, above: int) -> None:
        """Append the record that makes this run the lessee. Whoever is quicker has the number."""
        lessee = msgspec.structs.replace(lessee, since=self._clock())
        for _ in range(_TRIES):
            with in_words(self._kept.places.folder), contextlib.ExitStack() as held:
                claimed = held.enter_context(contextlib.ExitStack())
                self._kept.make_folders(cluster)
                loaded = self._kept.load()
                mark = loaded.journals[cluster].mark
                if not past or mark.fencing != past:
                    before = self._kept.disk.hold(
                        self._kept.places.lock(cluster, mark.fencing), lessee.who, wait=0.0
                    )
                    held.callback(before.close)
                number = max(mark.fencing, above) + 1
                own = self._kept.disk.hold(self._kept.places.lock(cluster, number), lessee.who, wait=0.0)
                claimed.callback(own.close)
                began = self._boot()
                self._kept.adopt(self._kept.set_aside(cluster, loaded))
                run = self._new_id()
                try:
                    self._lease(cluster, lessee, number, run)
                except FileExistsError:
                    continue
                tenancy = Tenancy(
                    cluster=cluster, run=run, lessee=lessee, number=number, hold=own, beaten=began
                )
                self._kept.tenancies[cluster] = tenancy
                claimed.pop_all()
                # Also the lock of the former lessee: nobody looks at it any more.
                tenancy.sweep(self._kept.disk, self._kept.places)
            try:
                # A disk that refuses already now is told before anything is done.
                self._kept.fold()
                self.beat(cluster)
            except BaseException:
                self._kept.tenancies.pop(cluster).close()
                raise
            return
        raise Locked(f"{cluster} is written by others all the time", hint="run this again")

    def tenant(self, cluster: str) -> Tenant:
        """Who has the lease, or had it last, as the files say it now."""
        with in_words(self._kept.places.folder):
            loaded = load(self._kept.disk, self._kept.places)
            found = loaded.journals.get(cluster) if loaded else None
            return look(self._kept.disk, self._kept.places, cluster, found.mark if found else Mark())

    def free(self, cluster: str) -> bool:
        """Whether no process has the lease now. Asks by taking its lock for a moment."""
        tenant = self.tenant(cluster)
        path = self._kept.places.lock(cluster, tenant.fencing)
        with in_words(self._kept.places.folder):
            if path.name not in self._kept.disk.names(path.parent):
                return True
            try:
                self._kept.disk.hold(path, "a look", wait=0.0).close()
            except Locked:
                return False
        return True

    def beat(self, cluster: str) -> None:
        """A sign of life of the run that has the lease. `Locked` where another one took it over."""
        tenancy = self._kept.tenancies[cluster]
        began = self._boot()
        with in_words(self._kept.places.folder):
            self.see_overtaken(cluster)
            try:
                tenancy.beat(self._kept.disk, self._kept.places, at=self._clock(), began=began)
            except OSError:
                # Who took over swept up after this run, and with it what the beat was written to.
                self.see_overtaken(cluster)
                raise

    def check(self, cluster: str) -> None:
        """Before each thing that this run does to the world: `Locked` where it may not any more.

        A run that was stopped for so long that somebody may have given it up takes the lease anew first: only
        one of the two can. A run that never took it only looks, and may always.
        """
        tenancy = self._kept.tenancies.get(cluster)
        if tenancy is not None and not tenancy.sure(self._boot()):
            with in_words(self._kept.places.folder):
                self.see_overtaken(cluster)
                self._renew(cluster, tenancy)

    def left(self, cluster: str) -> float | None:
        """For how many seconds nobody can have taken the lease over; nothing where this run has none."""
        tenancy = self._kept.tenancies.get(cluster)
        return None if tenancy is None else tenancy.left(self._boot())

    def catch_up(self, cluster: str) -> None:
        """Read anew, after a record of which it is not known whether it was written."""
        loaded = self._kept.load()
        if not self._kept.is_ours(cluster, loaded.journals[cluster].mark):
            raise self.overtaken(cluster)
        self._kept.adopt(self._kept.set_aside(cluster, loaded))
        self._kept.doubtful = False

    def see_overtaken(self, cluster: str) -> None:
        """`Locked` where another run took the lease over. Looks at names only: it is asked often."""
        tenancy = self._kept.tenancies[cluster]
        beyond = journal.name_of(self._kept.mark(cluster).n + (2 if self._kept.doubtful else 1))
        names = self._kept.disk.names(self._kept.places.journal(cluster))
        if tenancy.overtaken or any(one >= beyond for one in names if journal.NUMBERED.fullmatch(one)):
            raise self.overtaken(cluster)

    def overtaken(self, cluster: str) -> Locked:
        """From now on this run writes nothing. The error that says so, and names who is at it."""
        tenancy = self._kept.tenancies[cluster]
        tenancy.overtaken = True
        other = self.tenant(cluster).lessee
        who = other.words() if other else "another run"
        silent = self._boot() - tenancy.beaten
        stopped = f"this run was stopped for {silent:.0f} s and" if silent >= tenancy.acts else "meanwhile"
        return Locked(
            f"{cluster}: {stopped} another one took over: {who}",
            hint="nothing more was changed by this run; when the other one has ended, run this again",
        )

    def _lease(self, cluster: str, lessee: Lessee, number: int, run: str) -> None:
        mark = self._kept.mark(cluster)
        record = Record(
            version=RECORD_VERSION,
            n=mark.n + 1, cluster=cluster, serial=mark.serial, lineage=self._kept.state.lineage, run=run,
            kind="lease", fencing=number, lessee=lessee, at=self._clock(), previous=mark.checksum,
        )  # fmt: skip
        sealed = journal.append(self._kept.disk, self._kept.places.journal(cluster), record)
        self._kept.wrote(cluster, sealed)

    def _renew(self, cluster: str, tenancy: Tenancy) -> None:
        """Take the lease anew with a higher number, where nobody else did since this run's last record."""
        stopped, number = self._boot() - tenancy.beaten, self._kept.mark(cluster).fencing + 1
        own = self._kept.disk.hold(self._kept.places.lock(cluster, number), tenancy.lessee.who, wait=0.0)
        began = self._boot()
        try:
            if self._kept.doubtful:
                self.catch_up(cluster)
            self._lease(cluster, tenancy.lessee, number, tenancy.run)
        except FileExistsError:
            own.close()
            raise self.overtaken(cluster) from None
        except BaseException:
            own.close()
            raise
        tenancy.renewed(number, own, began)
        tenancy.sweep(self._kept.disk, self._kept.places)
        tenancy.beat(self._kept.disk, self._kept.places, at=self._clock(), began=began)
        self._kept.notes[
            f"this run was stopped for {stopped:.0f} s; nobody took its lease, so it goes on"
        ] = None
