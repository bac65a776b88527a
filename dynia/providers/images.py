"""What image references mean now: a registry's digest, else the config digest in the operator's Docker."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

from dynia.interfaces.observed import ResolvedImage, UnresolvedImage

if TYPE_CHECKING:
    import httpx

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REGISTRY_TIMEOUT_S = 5.0
_MOST_TOKEN = 65536


class Images:
    """`logins` maps a registry host to (user, password). Each reference is asked once per run."""

    def __init__(self, logins: dict[str, tuple[str, str]]) -> None:
        self._logins = logins
        self._client: httpx.AsyncClient | None = None

    async def resolve(self, reference: str) -> ResolvedImage | UnresolvedImage:
        """A registry that has it wins; where none has it, the operator's Docker (it is streamed then)."""
        host, repository, tag, digest = split_reference(reference)
        if digest:
            pinned = f"{display_name(host, repository)}@{digest}"
            return ResolvedImage(reference=reference, origin="registry", run=pinned, pull=pinned)
        remote, local = await asyncio.gather(self._registry(host, repository, tag), _operator(reference))
        if isinstance(remote, ResolvedImage):
            return ResolvedImage(reference=reference, origin="registry", run=remote.run, pull=remote.pull)
        if local is not None:
            return ResolvedImage(
                reference=reference, origin="operator", run=local[0], image_id=local[0], platform=local[1]
            )
        return UnresolvedImage(
            reference=reference, reason=f"{remote}; the operator's Docker does not have it"
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _registry(self, host: str, repository: str, tag: str) -> ResolvedImage | str:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=REGISTRY_TIMEOUT_S, follow_redirects=True)
        api = "registry-1.docker.io" if host == "docker.io" else host
        scheme = "http" if re.match(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$", host) else "https"
        url = f"{scheme}://{api}/v2/{repository}/manifests/{tag}"
        try:
            async with asyncio.timeout(2 * REGISTRY_TIMEOUT_S):
                answer = await self._client.head(url, headers={"Accept": MANIFESTS})
                if answer.status_code == 401:
                    login = await self._authorize(answer, host)
                    answer = await self._client.head(url, headers={"Accept": MANIFESTS, **login})
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            TimeoutError,
            OSError,
            ValueError,
            ExceptionGroup,
        ) as error:
            # The last two: a host name, a header or a port (from within a group) that httpx cannot use.
            return f"{host} did not answer ({type(error).__name__})"
        digest = answer.headers.get("docker-content-digest", "")
        if answer.status_code == 200 and DIGEST.fullmatch(digest):
            pinned = f"{display_name(host, repository)}@{digest}"
            return ResolvedImage(reference="", origin="registry", run=pinned, pull=pinned)
        if answer.status_code in (401, 403):
            return f"{host} refuses {repository} (HTTP {answer.status_code}; login under `registries:`)"
        return f"{host} does not have {repository}:{tag} (HTTP {answer.status_code})"

    async def _authorize(self, answer: httpx.Response, host: str) -> dict[str, str]:
        """The header that a registry asks for: Basic, or a Bearer token (distribution spec, token auth)."""
        import httpx

        user, password = self._logins.get(host, ("", ""))
        challenge = answer.headers.get("www-authenticate", "")
        kind, _, rest = challenge.partition(" ")
        basic = httpx.BasicAuth(user, password) if user else None
        if kind.lower() == "basic":
            if basic is None:
                return {}
            probe = next(basic.auth_flow(httpx.Request("HEAD", answer.url)))
            return {"Authorization": probe.headers["Authorization"]}
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = fields.pop("realm", "")
        if self._client is None or not realm.startswith("https://"):
            return {}
        content = b""
        async with self._client.stream("GET", realm, params=fields, auth=basic) as token:
            async for piece in token.aiter_bytes(65536):
                content += piece
                if len(content) > _MOST_TOKEN:
                    break
        if token.status_code != 200:
            return {}
        try:
            body = json.loads(content)
        except RecursionError:
            return {}
        told = body if isinstance(body, dict) else {}
        value = told.get("token") or told.get("access_token") or ""
        return {"Authorization": f"Bearer {value}"} if isinstance(value, str) else {}


def split_reference(reference: str) -> tuple[str, str, str, str]:
    """(registry host, repository, tag, digest) by Docker's rules: no host: docker.io, no tag: latest."""
    rest, _, digest = reference.partition("@")
    first, slash, tail = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, tail
    else:
        host, path = "docker.io", rest
    repository, colon, tag = path.rpartition(":")
    if not colon:
        repository, tag = path, "latest"
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return host, repository, tag, digest


def display_name(host: str, repository: str) -> str:
    """The name as Docker lists it: docker.io and library/ are left out."""
    if host != "docker.io":
        return f"{host}/{repository}"
    return repository.removeprefix("library/")


async def _operator(reference: str) -> tuple[str, str] | None:
    """(config digest, platform) from the operator's Docker, or None."""
    try:
        process = await asyncio.create_subprocess_exec(
            "docker",
            "image",
            "inspect",
            "--format",
            "{{.Id}} {{.Os}}/{{.Architecture}}",
            reference,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(10):
            out, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        # Also where the run goes another way meanwhile and this is cancelled.
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = out.decode(errors="replace").split()
    if process.returncode != 0 or len(found) != 2 or not DIGEST.fullmatch(found[0]):
        return None
    return found[0], found[1]
