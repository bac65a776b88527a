"""A ``.env`` file: what it sets is written for Compose again, and reads the same: no value becomes a line of its own."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.errors import BadInput
from dynia.interfaces.files.dotenv import read_dotenv, write_dotenv
from tests.fuzz.oracle import Broken
from tests.fuzz.target import Target


class DotenvFile(Target):
    name = "dotenv"
    weight = 200
    examples = 150

    def good(self) -> list[bytes]:
        return [
            b'A=1\nB="two $A"\nC=\'x y\'\nexport D=${A:-3}\n# no\nE="a\\nb\\"c\\$d"\nF=\n',
            b"KEY='it''s'\nLONG=\"a\nb\nc\"\nG: 1\n",
            b"\xef\xbb\xbfA=\xc3\xbc\r\nB=2 # c\r\n",
        ]

    def attempt(self, raw: bytes) -> Iterable[str]:
        found = read_dotenv("a/.env", raw, {"KNOWN": "k", "LEVEL": "x"}, strict=True)
        read_dotenv("a/.env", raw, {"KNOWN": "k"}, strict=False)
        if found.mistakes:
            raise BadInput(found.mistakes)
        again = read_dotenv("b/.env", write_dotenv(found.values), {}, strict=True)
        if again.mistakes or again.values != found.values:
            raise Broken(f"{found.values!r} was written and read as {again.values!r}")
        return found.values
