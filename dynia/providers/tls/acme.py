"""Certificates by ACME (RFC 8555): each name is proven by a TXT record in the cluster's own zone."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from dynia.interfaces.desired import LETS_ENCRYPT, AcmeTls
from dynia.interfaces.errors import ApplyFailed, DyniaError, NotObservedError
from dynia.providers.dns.visible import ZoneServers, wait_until_told
from dynia.providers.guard import FREE, Guard
from dynia.providers.protocols import CertificateOrder, Certified, DnsProvider
from dynia.providers.tls.request import kept, key_text, new_key, signing_request

if TYPE_CHECKING:
    from acme import messages
    from acme.client import ClientV2
    from josepy.jwk import JWKEC

_ANSWER_S = 30
_POLL_S = 1.0
_NONCES = 5
_JUDGED_S = 180.0
_CLEAN_UP_S = 60.0
_T = TypeVar("_T")


class Acme:
    """Keeps the protocol `CertificateAuthority`. The library waits for its answers, so each of its calls is
    given a thread, and none of them takes longer than one answer, or than this run surely has its lease."""

    def __init__(
        self, tls: AcmeTls, zone: str, dns: DnsProvider, servers: ZoneServers, guard: Guard = FREE
    ) -> None:
        self._tls, self._zone, self._dns, self._servers = tls, zone, dns, servers
        self._guard = guard
        # When the call that is under way has to be over, by time.monotonic; read in its thread.
        self._until: float | None = None
        self._directory = tls.directory or LETS_ENCRYPT
        self._host = urlsplit(self._directory).netloc

    async def obtain(self, order: CertificateOrder, say: Callable[[str], None]) -> Certified:
        account = order.account or key_text(new_key())
        jwk = _account_key(account)
        say(f"asking {self._host}")
        client = await self._ask(lambda: self._client(jwk))
        key = new_key()
        request = signing_request(key, order.names)
        wanted = await self._ask(lambda: client.new_order(request))
        texts = {found.name: found for one in wanted.authorizations if (found := _open(one, jwk, self._host))}
        try:
            for name, found in texts.items():
                await self._dns.put_text(self._zone, name, found.text)
            if texts:
                say(f"waiting until every server of zone {self._zone} tells the proof")
                await wait_until_told(
                    self._zone, {name: found.text for name, found in texts.items()}, self._servers
                )
            for found in texts.values():
                await self._ask(found.answer(client))
            say(f"waiting for {self._host} to look")
            for one in wanted.authorizations:
                await self._judged(client, one)
            done = await self._finished(client, wanted)
        finally:
            await self._clean_up(texts)
        origin = f"acme-dns01 {self._directory}"
        return Certified(pem=kept(origin, str(done.fullchain_pem).encode(), key_text(key)), account=account)

    def _client(self, jwk: JWKEC) -> ClientV2:
        """With our account: the one that the key has, or a new one."""
        from acme import errors, messages
        from acme.client import ClientNetwork, ClientV2
        from josepy.jwa import ES256

        from dynia.providers.tls.until import Until

        network = ClientNetwork(jwk, alg=ES256, user_agent="dynia", timeout=_ANSWER_S)
        network.session.mount("https://", Until(lambda: self._until, _ANSWER_S))
        if self._tls.ca:
            network.verify_ssl = self._tls.ca  # type: ignore[assignment]  # requests takes a path too
        client = ClientV2(ClientV2.get_directory(self._directory, network), network)
        asked = messages.NewRegistration.from_data(
            email=self._tls.email or None, terms_of_service_agreed=True
        )
        try:
            client.new_account(asked)
        except errors.ConflictError as known:
            network.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)
        return client

    async def _judged(self, client: ClientV2, one: messages.AuthorizationResource) -> None:
        from acme import messages

        until = asyncio.get_running_loop().time() + _JUDGED_S
        name = one.body.identifier.value
        while True:
            seen, _ = await self._ask(lambda: client.poll(one))
            if seen.body.status == messages.STATUS_VALID:
                return
            if seen.body.status != messages.STATUS_PENDING:
                said = next((str(c.error.detail) for c in seen.body.challenges if c.error), "no reason given")
                raise ApplyFailed(
                    f"{self._host} does not believe that {name} is ours: {said}",
                    hint=f"look whether the world sees zone {self._zone} where Dynia writes to it: "
                    f"dig NS {self._zone}",
                )
            if asyncio.get_running_loop().time() > until:
                raise NotObservedError(f"{self._host} did not look at {name} within {_JUDGED_S:g} s")
            await asyncio.sleep(_POLL_S)

    async def _finished(self, client: ClientV2, wanted: messages.OrderResource) -> messages.OrderResource:
        from acme import errors

        await self._ask(lambda: client.begin_finalization(wanted))
        until = asyncio.get_running_loop().time() + _JUDGED_S
        while True:
            try:
                return await self._ask(lambda: client.poll_finalization(wanted, _soon()), errors.TimeoutError)
            except errors.TimeoutError:
                if asyncio.get_running_loop().time() > until:
                    message = f"{self._host} did not make the certificate within {_JUDGED_S:g} s"
                    raise NotObservedError(message) from None

    async def _clean_up(self, texts: dict[str, _Proof]) -> None:
        """Whatever came of it, and before anything is told: a proof that stays is one too many."""
        for name, found in texts.items():
            async with asyncio.timeout(_CLEAN_UP_S):
                await self._dns.drop_text(self._zone, name, found.text)

    async def _ask(self, call: Callable[[], _T], *let_through: type[Exception]) -> _T:
        """One call of the library. What it raises is said in words."""
        import requests
        from acme import errors, messages

        try:
            for _ in range(_NONCES):
                try:
                    return await self._once(call)
                except messages.Error as error:
                    # A nonce may be used up by the time it arrives (RFC 8555, section 6.5): asked again.
                    if str(error.code) != "badNonce":
                        raise
            return await self._once(call)
        except let_through:
            raise
        except messages.Error as error:
            raise self._refused(error) from error
        except requests.exceptions.SSLError as error:
            raise DyniaError(
                f"{self._host}: its own certificate is not trusted ({_brief(error)})",
                hint="`tls: {ca: FILE}` names who signed it, if that is a private authority",
            ) from error
        except requests.exceptions.RequestException as error:
            raise NotObservedError(f"{self._host} does not answer ({_brief(error)})") from error
        except OSError as error:
            raise DyniaError(f"tls.ca: {self._tls.ca} cannot be used ({_brief(error)})") from error
        except (errors.Error, ValueError, KeyError) as error:
            raise DyniaError(f"{self._host}: its answer makes no sense ({_brief(error)})") from error

    async def _once(self, call: Callable[[], _T]) -> _T:
        """One call, once: only while this run has its lease, and no longer than it surely has it."""
        self._guard.check()
        left = self._guard.left()
        self._until = None if left is None else time.monotonic() + left
        try:
            async with asyncio.timeout(left) as bound:
                return await asyncio.to_thread(call)
        except TimeoutError:
            if not bound.expired():
                raise
            raise NotObservedError(
                f"{self._host}: no answer while this run surely had its lock",
                hint="nothing is lost: run it again",
            ) from None

    def _refused(self, error: messages.Error) -> DyniaError:
        said = [str(error.detail or error.title or error.typ)]
        said += [
            f"{one.identifier.value if one.identifier else ''} {one.detail}"
            for one in error.subproblems or ()
        ]
        hints = {
            "rateLimited": "wait as long as it says; a staging directory has wider limits",
            "caa": f"a CAA record of zone {self._zone} names other authorities",
            "rejectedIdentifier": "it certifies no such name",
        }
        hint = hints.get(str(error.code or ""), "")
        return DyniaError(f"{self._host} refuses: {'; '.join(said)[:500]}", hint=hint)


class _Proof:
    """What must stand in the zone for one name, and the challenge that it answers."""

    def __init__(self, name: str, text: str, challenge: messages.ChallengeBody, jwk: JWKEC) -> None:
        self.name, self.text = name, text
        self._challenge, self._jwk = challenge, jwk

    def answer(self, client: ClientV2) -> Callable[[], object]:
        return lambda: client.answer_challenge(self._challenge, self._challenge.response(self._jwk))


def _open(one: messages.AuthorizationResource, jwk: JWKEC, host: str) -> _Proof | None:
    """None for a name that is proven already."""
    from acme import challenges, messages

    if one.body.status == messages.STATUS_VALID:
        return None
    name = str(one.body.identifier.value)
    for challenge in one.body.challenges:
        if isinstance(challenge.chall, challenges.DNS01):
            where = challenge.chall.validation_domain_name(name)
            return _Proof(str(where), str(challenge.validation(jwk)), challenge, jwk)
    raise DyniaError(f"{host} does not take a TXT record as proof for {name}")


def _account_key(text: bytes) -> JWKEC:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from josepy.jwk import JWKEC

    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise DyniaError("the account's key on the nodes cannot be read") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise DyniaError("the account's key on the nodes is of another kind than Dynia makes")
    return JWKEC(key=key)


def _soon() -> datetime.datetime:
    """The library counts on this machine's clock, without a zone."""
    return datetime.datetime.now() + datetime.timedelta(seconds=2 * _POLL_S)


def _brief(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
