"""The peer of `dynia plan`: a bare asyncssh loop that sends each host the same bytes and reads the answer.

`python -m bench.bare_look ORDER.json` with {"user", "key", "command", "message", "hosts": [[address, port,
host_key], ...]}; prints how many bytes came back. Every host at once, host keys pinned, keys read once, no
OpenSSH configuration read: as fast as asyncssh goes with its defaults.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh


async def look(host: tuple[str, int, str], order: dict[str, Any], key: asyncssh.SSHKey) -> int:
    address, port, host_key = host
    async with asyncssh.connect(
        address,
        port,
        username=order["user"],
        client_keys=[key],
        known_hosts=([asyncssh.import_public_key(host_key)], [], []),
        agent_path=None,
        config=None,
    ) as connection:
        done = await connection.run(
            order["command"], input=order["message"].encode(), encoding=None, check=True
        )
        return len(done.stdout or b"")


async def look_at_all(order: dict[str, Any], key: asyncssh.SSHKey) -> int:
    return sum(await asyncio.gather(*(look(host, order, key) for host in order["hosts"])))


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_bytes())
    print(asyncio.run(look_at_all(order, asyncssh.read_private_key(order["key"]))))


if __name__ == "__main__":
    main()
