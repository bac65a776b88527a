"""HTTPS on real nodes, judged from outside: chain and name verified, one certificate everywhere, its key nowhere else."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.availability.wire import Target
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import check, visits
from tests.fakes.certificates import authority

NAME, SECOND = "www.example.test", "api.example.test"
PEM = "/opt/dynia/tls/cluster.pem"
CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: {nodes}}}
    ssh: {{connect_timeout: 60s}}
    entry: {{kind: none}}
    tls: {tls}
    services:
      hello:
        compose: ./compose.yaml
        domains: [{domains}]
        health: {{path: /healthz}}
"""
FILES = "{kind: files, certificate: ./tls/chain.pem, key: ./tls/key.pem}"


@pytest.fixture
def secure(cluster: Scratch) -> Iterator[Scratch]:
    write(cluster)
    yield cluster


def write(cluster: Scratch, *, nodes: int = 2, tls: str = "{kind: self-signed}", domains: str = NAME) -> None:
    text = CLUSTERS.format(name=cluster.name, nodes=nodes, tls=tls, domains=domains)
    cluster.write("clusters.yaml", text)


def write_pair(cluster: Scratch, *names: str, days: int = 90) -> str:
    """A pair of the tests' own authority; its fingerprint."""
    pair = authority().sign(*names, days=days)
    cluster.write("tls/chain.pem", pair.chain)
    cluster.write("tls/key.pem", pair.key)
    return fingerprint(pair.chain)


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def served(cluster: Scratch) -> dict[str, str]:
    """Node -> fingerprint of what its HAProxy shows."""
    nodes = {node: cluster.address(node) for node in cluster.nodes()}
    return {
        node: fingerprint(ssl.get_server_certificate((at, 443), timeout=30)) for node, at in nodes.items()
    }


def get(trusted: str, address: str, name: str = NAME, path: str = "/") -> tuple[int, str]:
    """Status and page over HTTPS; chain and name are verified against `trusted` (PEM)."""
    context = ssl.create_default_context(cadata=trusted)
    with (
        socket.create_connection((address, 443), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=name) as link,
    ):
        connection = http.client.HTTPSConnection(name)
        connection.sock = link
        connection.request("GET", path, headers={"Host": name, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(4096).decode()


def trusted_leaf(cluster: Scratch, node: str) -> str:
    return cluster.sh(node, f"openssl x509 -in {PEM}")


def secret_forms(pem: str) -> list[bytes]:
    """What may betray a key: its base64 lines, raw bytes, and how JSON, URLs and base64 would write it."""
    body = pem[pem.index("-----BEGIN PRIVATE KEY") :]
    lines = [line for line in body.splitlines() if "-----" not in line and line]
    raw = base64.b64decode("".join(lines))
    whole = "\n".join(lines)
    return [
        *(line.encode() for line in lines),
        raw[20:],
        json.dumps(whole).strip('"').encode(),
        quote(lines[0], safe="").encode(),
        *(base64.b64encode(lines[0].encode()[shift:])[4:-4] for shift in range(3)),
    ]


def betrayed(folder: Path, forms: list[bytes]) -> list[str]:
    """Files below a folder that hold one of the forms."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [str(path) for form in forms if form in content]
    return found


@pytest.mark.lab
@pytest.mark.slow
def test_self_signed_is_served_everywhere_and_its_key_is_in_one_file_of_each_node(secure: Scratch) -> None:
    secure.apply()
    first = served(secure)
    assert len(set(first.values())) == 1
    node = next(iter(first))
    leaf = trusted_leaf(secure, node)
    for each in secure.nodes():
        status, page = get(leaf, secure.address(each))
        assert status == 200 and "Hello from" in page
    at = secure.address(node)
    with pytest.raises(ssl.SSLCertVerificationError):
        get(leaf, at, "other.example.test")
    # HTTP leads to HTTPS, and HAProxy's own word is not led anywhere
    argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", f"Host: {NAME}"]
    told = subprocess.run([*argv, f"http://{at}/a?b=c"], capture_output=True, text=True, check=True)
    assert told.stdout == f"308 https://{NAME}/a?b=c"
    assert secure.sh(node, "curl -s http://127.0.0.1:8404/alive") == "alive"
    # TLS 1.2 is the oldest, and HTTP/2 is spoken
    argv = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version}",
        "--resolve",
        f"{NAME}:443:{at}",
    ]
    (secure.folder / "leaf.pem").write_text(leaf)
    told = subprocess.run(
        [*argv, "--cacert", str(secure.folder / "leaf.pem"), f"https://{NAME}/"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "2"
    argv = ["curl", "-s", "-o", "/dev/null", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0", "--resolve"]
    told = subprocess.run(
        [*argv, f"{NAME}:443:{at}", "--insecure", f"https://{NAME}/"], check=False
    )  # fmt: skip
    assert told.returncode == 35

    # nothing is left to do, and a third node gets the same certificate
    assert "nothing to do" in secure.dynia("plan").stdout
    write(secure, nodes=3)
    secure.apply()
    assert len(served(secure)) == 3 and set(served(secure).values()) == set(first.values())

    # the key: found where it must be, and nowhere else
    pem = secure.sh(node, f"cat {PEM}")
    assert secure.sh(node, f"stat -c '%a %U:%G' {PEM}").strip() == "600 root:root"
    forms = secret_forms(pem)
    assert [form for form in forms[:3] if form not in pem.encode()] == []
    secure.dynia("render")
    secure.write("plan.txt", str(secure.dynia("plan", "--full")) + str(secure.dynia("plan", "--json")))
    secure.write("status.txt", str(secure.dynia("status")) + str(secure.dynia("status", "--json")))
    secure.write("runs.txt", "\n".join(str(run) for run in secure.runs))
    assert betrayed(secure.folder, forms) == []
    (secure.folder / "probe").write_text(pem)
    assert betrayed(secure.folder, forms) != []
    line = pem[pem.index("-----BEGIN PRIVATE KEY") :].splitlines()[1]
    where = "grep -rlsF -e " + line + " /opt /var/lib/dynia /run /tmp /etc /root /var/log || :"
    for each in secure.nodes():
        assert secure.sh(each, where).split() == [PEM]
        assert line not in secure.sh(each, "journalctl --boot --no-pager | cat")


@pytest.mark.lab
@pytest.mark.slow
def test_another_certificate_in_the_files_is_a_planned_change_that_loses_no_request(secure: Scratch) -> None:
    write(secure, tls=FILES, domains=f"{NAME}, {SECOND}")
    first = write_pair(secure, NAME, "*.example.test", days=20)
    secure.apply()
    assert set(served(secure).values()) == {first}
    assert get(authority().pem, secure.address(next(iter(secure.nodes()))), SECOND)[0] == 200
    status = json.loads(secure.dynia("status", "--json").stdout)
    assert {n["certificate"]["daysLeft"] for n in status["nodes"]} == {20}

    second = write_pair(secure, NAME, SECOND)
    plan = secure.dynia("plan").stdout
    assert "because it is renewed, and good for 90 d" in plan and "cluster.pem" in plan
    trusted = ssl.create_default_context(cadata=authority().pem)
    one = secure.address(next(iter(secure.nodes())))
    with visits(Target(address=one, port=443, host=NAME, tls=trusted)) as asking:
        secure.apply()
    assert set(served(secure).values()) == {second}
    check(asking.row)
    assert "nothing to do" in secure.dynia("plan").stdout

    # the files are on another machine now: nothing is missed, and a new node gets it all the same
    (secure.folder / "tls/key.pem").unlink()
    assert "nothing to do" in secure.dynia("plan").stdout
    write(secure, nodes=3, tls=FILES, domains=f"{NAME}, {SECOND}")
    secure.apply()
    assert len(served(secure)) == 3 and set(served(secure).values()) == {second}

    # somebody's hands: seen as drift, and put back
    node = next(iter(secure.nodes()))
    other = authority().sign(NAME, SECOND)
    container = secure.nodes()[node]
    subprocess.run(
        ["docker", "exec", "-i", container, "sh", "-c", f"cat >{PEM}"],
        input=other.chain + other.key, text=True, check=True,
    )  # fmt: skip
    secure.sh(node, "systemctl reload haproxy")
    drift = secure.dynia("drift", exits=3).stdout
    assert "tls/cluster.pem" in drift and "edited" in drift
    secure.apply()
    assert set(served(secure).values()) == {second}


@pytest.mark.lab
@pytest.mark.slow
def test_a_certificate_that_haproxy_does_not_take_is_never_put_there(secure: Scratch) -> None:
    """The plan can't see that a curve is one that HAProxy was told not to speak; the node can."""
    write(secure, tls=FILES)
    first = write_pair(secure, NAME)
    secure.apply()
    for node in secure.nodes():
        secure.sh(node, "cp /usr/sbin/haproxy /usr/sbin/haproxy.real && printf '#!/bin/sh\\ncase \"$*\" in *check.cfg*) "
                  "echo refused; exit 1;; esac\\nexec /usr/sbin/haproxy.real \"$@\"\\n' >/usr/sbin/haproxy.new && "
                  "chmod 755 /usr/sbin/haproxy.new && mv /usr/sbin/haproxy.new /usr/sbin/haproxy")  # fmt: skip
    write_pair(secure, NAME, SECOND)
    failed = secure.apply(exits=7)
    assert "check failed; the node is back on what it had" in failed.stdout + failed.stderr
    assert set(served(secure).values()) == {first}


def test_what_betrays_a_key_is_found(tmp_path: Path) -> None:
    """The search of these tests, on files that hold a key in each of the forms."""
    pair = authority().sign(NAME)
    forms = secret_forms(pair.chain + pair.key)
    for number, form in enumerate(forms):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "file").write_bytes(b"before" + form + b"after")
        assert betrayed(folder, forms) != []
