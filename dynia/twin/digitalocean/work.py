"""Carries out actions in the background: eventual completion, taken up again after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

from dynia.twin.digitalocean import droplets, firewalls
from dynia.twin.digitalocean.bodies import BodyError, Machine
from dynia.twin.digitalocean.cloud import Cloud


class Work:
    """Every action takes at least `delay` seconds from its start, a restart in between or not."""

    def __init__(self, cloud: Cloud, delay: float) -> None:
        self._cloud, self._delay = cloud, delay
        self._tasks: set[asyncio.Task[None]] = set()
        self._guarded: frozenset[int] | None = None
        self._guarding = asyncio.Lock()

    def resume(self) -> None:
        """What an earlier run of the twin left undone."""
        database = self._cloud.database
        self._cloud.begun += [
            row["id"] for row in database.all("SELECT id FROM actions WHERE status = 'in-progress'")
        ]
        self._cloud.deleted += [
            row["id"]
            for row in database.all("SELECT id FROM droplets WHERE deleted IS NOT NULL AND NOT body_gone")
        ]
        self._start(self._again())
        self.take_up()

    def take_up(self) -> None:
        """Start what calls have begun since."""
        begun, deleted = tuple(self._cloud.begun), tuple(self._cloud.deleted)
        self._cloud.begun.clear()
        self._cloud.deleted.clear()
        for deed in (*map(self._act, begun), *map(self._bury, deleted), self._guard()):
            self._start(deed)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, deed: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(deed)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self) -> None:
        """Addresses are where they were: the bodies may have forgotten it with the machine they are on."""
        for row in self._cloud.database.all(
            "SELECT ip, droplet FROM reserved_ips WHERE released IS NULL AND droplet IS NOT NULL"
        ):
            with contextlib.suppress(BodyError):
                await self._cloud.bodies.move(row["ip"], row["droplet"])

    async def _guard(self) -> None:
        """Tell the bodies which droplets are behind a cloud firewall now, if others are than before."""
        async with self._guarding:
            found = firewalls.guarded(self._cloud)
            if found == self._guarded:
                return
            with contextlib.suppress(BodyError):  # told again after the next call
                await self._cloud.bodies.guard(found)
                self._guarded = found

    async def _act(self, id: int) -> None:
        row = self._cloud.database.one("SELECT * FROM actions WHERE id = ?", id)
        if row is None:
            return
        await asyncio.sleep(max(0.0, row["started"] + self._delay - self._cloud.clock()))
        try:
            if row["doomed"]:
                raise BodyError("a fault was injected")
            await self._deed(row["type"], row["droplet"], row["reserved_ip"])
        except BodyError:
            self._end(id, "errored")
            if row["type"] == "create":
                with self._cloud.database.transaction():
                    droplets.drop(self._cloud, row["droplet"])
                self.take_up()
            return
        self._end(id, "completed")

    async def _deed(self, type: str, droplet: int, reserved_ip: int | None) -> None:
        database, bodies = self._cloud.database, self._cloud.bodies
        if type == "create":
            row = database.one("SELECT * FROM droplets WHERE id = ? AND deleted IS NULL", droplet)
            if row is None:
                raise BodyError("deleted meanwhile")
            got = await bodies.create(
                Machine(
                    id=droplet,
                    name=row["name"],
                    region=row["region"],
                    size=row["size"],
                    image=row["image"],
                    public_keys=tuple(json.loads(row["public_keys"])),
                    user_data=row["user_data"],
                )
            )
            database.run(
                "UPDATE droplets SET status = 'active', public_ip = ?, private_ip = ?, anchor_ip = ?"
                " WHERE id = ?",
                got.public,
                got.private,
                got.anchor,
                droplet,
            )
            if database.one("SELECT 1 FROM droplets WHERE id = ? AND deleted IS NOT NULL", droplet):
                await bodies.delete(droplet)  # deleted by tag while it was being made
        elif type in ("assign_ip", "unassign_ip"):
            await self._move(type, droplet, reserved_ip)
        else:
            if type in ("power_off", "shutdown", "power_cycle", "reboot"):
                await bodies.power_off(droplet)
            if type in ("power_on", "power_cycle", "reboot"):
                await bodies.power_on(droplet)
            database.run("UPDATE droplets SET status = ? WHERE id = ?", droplets.POWER[type], droplet)

    async def _move(self, type: str, droplet: int, reserved_ip: int | None) -> None:
        database = self._cloud.database
        row = database.one("SELECT ip FROM reserved_ips WHERE id = ? AND released IS NULL", reserved_ip)
        alive = database.one("SELECT 1 FROM droplets WHERE id = ? AND deleted IS NULL", droplet)
        if row is None or (type == "assign_ip" and alive is None):
            raise BodyError("one of the two is gone")
        owner = droplet if type == "assign_ip" else None
        await self._cloud.bodies.move(row["ip"], owner)
        database.run("UPDATE reserved_ips SET droplet = ? WHERE id = ?", owner, reserved_ip)

    async def _bury(self, droplet: int) -> None:
        await self._cloud.bodies.delete(droplet)
        self._cloud.database.run("UPDATE droplets SET body_gone = 1 WHERE id = ?", droplet)

    def _end(self, id: int, status: str) -> None:
        self._cloud.database.run(
            "UPDATE actions SET status = ?, completed = ? WHERE id = ? AND status = 'in-progress'",
            status,
            self._cloud.clock(),
            id,
        )
