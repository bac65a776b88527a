"""The server of a zone: transfers and updates over TCP, signed both ways, and what its refusals mean."""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import dns.xfr
import dns.zone

from dynia.interfaces.desired import Rfc2136Dns
from dynia.interfaces.errors import DyniaError, NotObservedError, Stale
from dynia.providers.guard import FREE, Guard

ANSWER_S = 10.0
TRANSFER_LIMIT = 64 * 1024 * 1024
# Answers that a prerequisite did not hold (RFC 2136, section 2.4).
OTHERWISE = frozenset((dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET, dns.rcode.NXDOMAIN))


def server_for(settings: Rfc2136Dns, environment: Mapping[str, str], guard: Guard = FREE) -> Server:
    """The server that the file names. Its secret stands in `environment` and nowhere else."""
    name = settings.secret.env
    secret = environment.get(name, "").strip()
    if not secret:
        raise DyniaError(
            f"{name} is not set: the secret of DNS key {settings.key}",
            hint=f"put the base64 text of the key's secret into {name}",
        )
    try:
        raw = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise DyniaError(
            f"{name} is no base64 text: the secret of DNS key {settings.key}",
            hint="it is the text in quotes after `secret` in the server's key block",
        ) from None
    key = dns.tsig.Key(dns.name.from_text(settings.key), raw, dns.name.from_text(settings.algorithm))
    return Server(host=settings.server, port=settings.port, key=key, secret_name=name, guard=guard)


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """One connection a question: a server may close one that is idle whenever it likes."""

    host: str
    port: int
    key: dns.tsig.Key
    secret_name: str
    answer_s: float = ANSWER_S
    guard: Guard = FREE

    @property
    def words(self) -> str:
        return f"DNS server {self.host}" + (f" port {self.port}" if self.port != 53 else "")

    async def transfer(self, zone: str) -> dns.zone.Zone:
        """The whole zone as it is now (AXFR). Nothing else tells a wildcard from a name that is there."""
        found = dns.zone.Zone(dns.name.from_text(zone), relativize=False)
        query, _ = dns.xfr.make_query(found, serial=None)
        query.use_tsig({self.key.name: self.key}, self.key.name, algorithm=self.key.algorithm)
        doing = f"hand out zone {zone}"
        try:
            with dns.xfr.Inbound(found) as inbound:
                async with aclosing(self._answers(query, doing)) as answers:
                    async for answer in answers:
                        if inbound.process_message(answer):
                            # One in between need not be signed, the last one must be (RFC 8945, 5.3.1).
                            self._signed(answer, doing)
                            return found
        except dns.xfr.TransferError as error:
            raise self._refused(error.rcode, doing, zone) from error
        except dns.exception.DNSException as error:
            raise self._unclear(error, doing) from error
        raise self._silent("the connection ended in the middle of the zone", doing)

    async def update(self, zone: str, message: dns.update.UpdateMessage) -> None:
        """Change the zone. `Stale` where a prerequisite of the message does not hold."""
        message.use_tsig({self.key.name: self.key}, self.key.name, algorithm=self.key.algorithm)
        doing = f"change zone {zone}"
        async with aclosing(self._answers(message, doing)) as answers:
            answer = await anext(answers)
        if answer.rcode() in OTHERWISE:
            raise Stale(
                f"zone {zone} changed in the moment when Dynia wrote to it, so nothing was written",
                hint="plan again and look",
            )
        if answer.rcode() != dns.rcode.NOERROR:
            raise self._refused(answer.rcode(), doing, zone)
        self._signed(answer, doing)

    async def _answers(
        self, query: dns.message.Message, doing: str
    ) -> AsyncGenerator[dns.message.Message, None]:
        """Every message of the answer. Those who ask stop when they have what they need."""
        wire = query.to_wire()
        context, left = None, TRANSFER_LIMIT
        try:
            async with asyncio.timeout(self.answer_s):
                reader, writer = await asyncio.open_connection(self.host, self.port)
        except TimeoutError as error:
            raise self._silent(f"no connection within {self.answer_s:g} s", doing) from error
        except OSError as error:
            raise self._silent(error.strerror or str(error), doing) from error
        try:
            self.guard.check()
            left_s = self.guard.left()
            patience = self.answer_s if left_s is None else min(self.answer_s, left_s)
            writer.write(struct.pack("!H", len(wire)) + wire)
            while True:
                async with asyncio.timeout(patience):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    piece = await reader.readexactly(length)
                left -= length
                if left < 0:
                    raise DyniaError(f"{self.words}: the zone is larger than {TRANSFER_LIMIT >> 20} MiB")
                answer = dns.message.from_wire(
                    piece,
                    keyring=query.keyring,
                    request_mac=query.mac,
                    xfr=True,
                    tsig_ctx=context,
                    multi=True,
                )
                context = answer.tsig_ctx
                yield answer
        except TimeoutError as error:
            raise self._silent(f"no answer within {self.answer_s:g} s", doing) from error
        except asyncio.IncompleteReadError as error:
            raise self._silent("it closed the connection without an answer", doing) from error
        except OSError as error:
            raise self._silent(error.strerror or str(error), doing) from error
        except dns.exception.DNSException as error:
            raise self._unclear(error, doing) from error
        finally:
            writer.close()

    def _signed(self, answer: dns.message.Message, doing: str) -> None:
        if not answer.had_tsig:
            raise DyniaError(
                f"{self.words}: its answer is not signed, so it is not believed (asked to {doing})",
                hint=f"look whether {self.host} is the server that knows key {self.key.name}",
            )

    def _silent(self, why: str, doing: str) -> NotObservedError:
        return NotObservedError(
            f"{self.words}: {why.lower() if why[:1].isupper() else why} (asked to {doing})",
            hint=f"look at the server, and whether TCP port {self.port} is open from here",
        )

    def _refused(self, rcode: dns.rcode.Rcode, doing: str, zone: str) -> DyniaError:
        key = self.key.name.to_text(omit_final_dot=True)
        said = dns.rcode.to_text(rcode)
        changing = doing.startswith("change")
        allow = "an `update-policy` or `allow-update`" if changing else "`allow-transfer`"
        hints = {
            dns.rcode.REFUSED: f"give key {key} {allow} for zone {zone} at the server",
            dns.rcode.NOTAUTH: f"it does not serve zone {zone}: name the zone's primary in `dns: {{server}}`",
            dns.rcode.NOTZONE: f"a name lies outside zone {zone}: look at `dns: {{zone}}`",
            dns.rcode.NOTIMP: "it does not do dynamic updates (RFC 2136)",
            dns.rcode.SERVFAIL: "its log says why; often it may not write the zone's journal",
        }
        return DyniaError(f"{self.words} refuses to {doing}: {said}", hint=hints.get(rcode, "see its log"))

    def _unclear(self, error: dns.exception.DNSException, doing: str) -> DyniaError:
        key = self.key.name.to_text(omit_final_dot=True)
        match error:
            case dns.tsig.PeerBadKey():
                why = f"it does not know key {key} with {self.key.algorithm.to_text(omit_final_dot=True)}"
                hint = "name and algorithm in `dns:` must be those of the server's key block"
            case dns.tsig.PeerBadSignature():
                why = f"the secret of key {key} is another one there"
                hint = f"put the secret of the server's key block into {self.secret_name}"
            case dns.tsig.PeerBadTime() | dns.tsig.BadTime():
                why = "its clock and this one are too far apart"
                hint = "set both clocks (NTP)"
            case dns.tsig.BadSignature() | dns.tsig.BadKey() | dns.tsig.BadAlgorithm():
                why = f"its answer is not signed by key {key}"
                hint = f"look whether {self.host} is the server that you mean"
            case _:
                why = f"its answer makes no sense ({type(error).__name__})"
                hint = "look whether a DNS server listens there"
        return DyniaError(f"{self.words}: {why} (asked to {doing})", hint=hint)
