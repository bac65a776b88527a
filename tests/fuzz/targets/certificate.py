"""Certificates and keys as text: what `tls: {kind: files}` names, what a node tells, what an authority gave."""

from __future__ import annotations

import base64
import re
import warnings
from collections.abc import Iterable

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.pem import PemError, read_chain, read_pem
from tests.fakes.certificates import authority
from tests.fuzz.bytes_mutator import mutated
from tests.fuzz.chance import Chance, pick
from tests.fuzz.target import Target

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----\n(.*?)-----END \1-----\n", re.DOTALL)


class CertificateFile(Target):
    name = "certificate"
    weight = 200
    examples = 150

    def good(self) -> list[bytes]:
        pair = authority().sign(
            "a.example.com", "*.b.example.com", addresses=("198.18.0.1",), at=1_700_000_000
        )
        return [
            (f"# dynia acme x\n{pair.chain}{authority().pem}{pair.key}").encode(),
            (pair.chain + pair.key).encode(),
        ]

    def made(self, chance: Chance) -> bytes:
        """Most damage is done inside of the base64 text, where the certificate itself is."""
        raw = pick(chance, self.seeds)
        blocks = list(_BLOCK.finditer(raw))
        if not blocks or chance.below(4) == 0:
            return mutated(raw, self.seeds, chance)
        block = pick(chance, blocks)
        try:
            der = mutated(base64.b64decode(block[2]), [], chance)
        except ValueError:
            return mutated(raw, self.seeds, chance)
        text = base64.encodebytes(der)
        return raw[: block.start(2)] + text + raw[block.end(2) :]

    def attempt(self, raw: bytes) -> Iterable[str]:
        try:
            # cryptography warns of certificates that it will refuse one day.
            with warnings.catch_warnings(action="ignore"):
                seen = read_chain(raw, key_hash="")
                read_pem(raw, raw)
        except PemError as error:
            raise DyniaError(f"the file {error}") from error
        return (*seen.names, seen.issuer, seen.origin)
