"""Who answers at the entry address is believed only if it repeats a word that was never used before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dynia.interfaces.observed import EntryAnswer, NotObserved
from dynia.services.ask_entry import ask_entry


def asked(
    answer: Callable[[str], bytes], timeout_s: float = 5.0
) -> tuple[EntryAnswer | NotObserved, list[str]]:
    """What comes of a question to a server on loopback that answers a path so; and the paths."""
    paths: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        paths.append(head.split()[1].decode())
        writer.write(answer(paths[-1]))
        await writer.drain()
        writer.close()

    async def work() -> EntryAnswer | NotObserved:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await ask_entry("127.0.0.1", port=port, timeout_s=timeout_s)

    return asyncio.run(work()), paths


def http(status: str, body: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", body)).encode()


NODE = "X-Dynia-Node: misty-owl"


def test_the_node_that_repeats_the_word_is_the_one_that_answers() -> None:
    found, paths = asked(lambda path: http("200 OK", path.rsplit("/", 1)[1], "x-dynia-node:misty-owl"))
    assert found == EntryAnswer(node="misty-owl")
    assert paths[0].startswith("/.well-known/dynia/") and len(paths[0].rsplit("/", 1)[1]) == 32


def test_no_two_questions_have_the_same_word() -> None:
    words = {asked(lambda path: http("200 OK", "x", NODE))[1][0] for _ in range(3)}
    assert len(words) == 3


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", "0123456789abcdef0123456789abcdef", NODE),  # from a cache, or made up
        http("421 Misdirected", "No service answers to this host name here.", NODE),
        http("301 Moved", "", "Location: https://elsewhere/", NODE),
        b"SSH-2.0-OpenSSH\r\n",
        b"",
        b"\xff" * 9000,
    ],
)
def test_everybody_else_is_no_node_of_ours(answer: bytes) -> None:
    found, _ = asked(lambda path: answer)
    assert isinstance(found, NotObserved) and "no node of Dynia's answers there" in found.reason


def test_the_word_without_a_node_is_nothing() -> None:
    found, _ = asked(lambda path: http("200 OK", path.rsplit("/", 1)[1]))
    assert isinstance(found, NotObserved)


def test_no_answer_is_a_value() -> None:
    found = asyncio.run(ask_entry("127.0.0.1", port=1))
    assert isinstance(found, NotObserved) and "refused" in found.reason
