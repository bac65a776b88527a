"""What HAProxy does with a request at the entry: TLS, the way to it, and who the visitor is."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import httpx
import pytest

from dynia.interfaces.desired import CloudflareDns, ClusterSpec, SelfSignedTls
from dynia.services.planning.render import recipes
from tests.fakes.certificates import authority
from tests.integration.haproxy.program import Haproxy
from tests.unit.components.clusters import cluster, topology, web_service

NAME = "api.example.com"
CLOUDFLARE = CloudflareDns(zone="example.com", proxied=True)
VISITOR = "203.0.113.77"


def files_of(spec: ClusterSpec) -> dict[str, str]:
    whole = topology(spec)
    release = recipes(whole)[whole.nodes[0].name]["haproxy"].release
    return {file.path.rpartition("/")[2]: file.content.decode() for file in release.files}


def start(folder: pathlib.Path, networks: str | None = None) -> Haproxy:
    """`networks` are those of Cloudflare's proxy; None: nobody stands in front."""
    more = {} if networks is None else {"dns": CLOUDFLARE}
    spec = cluster(tls=SelfSignedTls(), services=(web_service(),), **more)
    files = files_of(spec)
    given = "" if networks is None else files["cloudflare-networks"] + networks
    return Haproxy(folder, files["haproxy.cfg"], authority().sign(NAME), given)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    made = start(tmp_path_factory.mktemp("haproxy"))
    yield made
    made.stop()


def ask(one: Haproxy, folder: pathlib.Path, headers: dict[str, str]) -> dict[str, str]:
    """What the backend was sent by a request over HTTPS, name and chain verified."""
    import ssl

    (folder / "ca.pem").write_text(authority().pem)
    trusted = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    with httpx.Client(verify=trusted, trust_env=False) as client:
        answer = client.get(
            f"https://127.0.0.1:{one.https}/",
            headers={"Host": NAME, **headers},
            extensions={"sni_hostname": NAME},
        )
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = json.loads(answer.text)
    return found


def test_http_leads_to_https_with_path_and_query(bare: Haproxy) -> None:
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"http://127.0.0.1:{bare.http}/a?b=c", headers={"Host": f"{NAME}:80"})
        other = client.get(f"http://127.0.0.1:{bare.http}/", headers={"Host": "other.example.com"})
        word = "0123456789abcdef0123"
        node = client.get(f"http://127.0.0.1:{bare.http}/.well-known/dynia/{word}", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://{NAME}/a?b=c")
    assert other.status_code == 421
    assert (node.status_code, node.text, node.headers["x-dynia-node"]) == (200, word, "misty-owl")


def test_a_backend_is_told_how_and_by_whom_it_is_asked_and_nothing_that_a_client_claims(
    bare: Haproxy, tmp_path: pathlib.Path
) -> None:
    claimed = {
        "X-Forwarded-For": VISITOR,
        "X-Forwarded-Proto": "http",
        "X-Real-IP": VISITOR,
        "Forwarded": f"for={VISITOR}",
        "X-Dynia-Check": "haproxy",
    }
    sent = ask(bare, tmp_path, claimed)
    assert sent["x-forwarded-proto"] == "https"
    assert sent["x-forwarded-for"] == "127.0.0.1"
    assert not [name for name, value in sent.items() if VISITOR in value]
    assert "x-dynia-check" not in sent, "a visitor would be told what is told to health checks alone"


@pytest.mark.parametrize(
    ("networks", "told"),
    [("127.0.0.0/8\n", VISITOR), ("", "127.0.0.1")],
    ids=["from Cloudflare", "from somebody else"],
)
def test_who_the_visitor_is_is_believed_of_cloudflare_alone(
    tmp_path: pathlib.Path, networks: str, told: str
) -> None:
    one = start(tmp_path, networks)
    try:
        sent = ask(one, tmp_path, {"CF-Connecting-IP": VISITOR, "X-Forwarded-For": "198.51.100.9"})
        plain = ask(one, tmp_path, {})
    finally:
        one.stop()
    assert sent["x-forwarded-for"] == told
    assert ("cf-connecting-ip" in sent) is (told == VISITOR)
    assert plain["x-forwarded-for"] == "127.0.0.1"
