"""Get a certificate from its authority, and keep it with its new key on a node at once."""

from __future__ import annotations

from dynia.interfaces.errors import ApplyFailed, DyniaError
from dynia.interfaces.node_requests import ExecRequest, ExpectedFile, PushRequest
from dynia.interfaces.release import ReleaseFile
from dynia.providers.protocols import CertificateOrder
from dynia.services.actions.answered import must_be_done
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Certificate, Change, SetCertificate


class ObtainCertificate(Action, tag="obtain_certificate"):
    """A certificate for `names`. `node` is the first that gets it: from there the others have it, so it
    outlives the run. The scripts are those of the component. `keepers` are nodes that are asked for the key
    of our account at the authority, and get it; none where there is no such account."""

    node: str
    origin: str
    names: tuple[str, ...]
    path: str
    check: str = ""
    activate: str = ""
    probe: str = ""
    expected: tuple[ExpectedFile, ...] = ()
    keepers: tuple[str, ...] = ()

    def sentence(self) -> str:
        return f"get a certificate ({self.origin}) for {', '.join(self.names)}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        authority = tools.authority
        if authority is None:
            raise DyniaError("this cluster has nobody to get a certificate from")
        account = await self._account(tools)
        order = CertificateOrder(names=self.names, account=account)
        given = await authority.obtain(order, lambda text: tools.say("", text))
        seen = given.pem.seen
        if not seen.fits or seen.origin != self.origin:
            raise ApplyFailed(f"what {self.origin} gave is no certificate for the key that was made for it")
        if given.account and given.account != account:
            await self._keep_account(tools, given.account)
        request = PushRequest(
            component="tls",
            lineage=tools.lineage,
            fence=tools.fence,
            files=(ReleaseFile(path=self.path, mode=0o600, content=given.pem.content, secret=True),),
            expected=self.expected,
            check=self.check,
            activate=self.activate,
            probe=self.probe,
        )
        connection = await tools.connection(self.node)
        must_be_done(self.node, "tls", await connection.push(request))
        kept = Certificate(
            origin=self.origin,
            fingerprint=seen.fingerprint,
            chain=seen.chain,
            names=seen.names,
            not_before=seen.not_before,
            not_after=seen.not_after,
        )
        return (SetCertificate(cluster=tools.cluster, certificate=kept),)

    async def _account(self, tools: Tools) -> bytes:
        """The key of our account at this authority, from the first node that has it."""
        for name in self.keepers:
            connection = await tools.connection(name)
            told = await connection.exec(ExecRequest(argv=("cat", _account_path(self.origin))))
            if told.exit_code == 0 and told.stdout:
                return told.stdout
        return b""

    async def _keep_account(self, tools: Tools, key: bytes) -> None:
        path = _account_path(self.origin)
        for name in self.keepers:
            connection = await tools.connection(name)
            request = ExecRequest(argv=("sh", "-euc", _WRITE, "sh", path), stdin=key, fence=tools.fence)
            told = await connection.exec(request)
            if told.exit_code != 0:
                raise ApplyFailed(f"{name} · the account's key could not be written to {path}")


_WRITE = """umask 077
mkdir -p "${1%/*}"
cat >"$1.new"
mv -fT "$1.new" "$1"
"""


def _account_path(origin: str) -> str:
    """One account per authority. It lies beside the bookkeeping of pushes, which no release touches."""
    import hashlib

    return f"/var/lib/dynia/accounts/{hashlib.sha256(origin.encode()).hexdigest()[:16]}.key"
