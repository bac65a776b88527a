"""A real image registry on a machine of the lab: Debian's docker-registry, with TLS and a login."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.hosts import Host

USER = "deploy"

SETUP = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends docker-registry apache2-utils openssl >/dev/null
cd /etc/docker/registry
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
  -addext "subjectAltName=IP:$1" -keyout tls.key -out tls.crt 2>/dev/null
htpasswd -Bbn "$2" "$3" >htpasswd
chown docker-registry tls.key htpasswd
cat >config.yml <<END
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}
http: {addr: ":5000", tls: {certificate: /etc/docker/registry/tls.crt, key: /etc/docker/registry/tls.key}}
auth: {htpasswd: {realm: lab, path: /etc/docker/registry/htpasswd}}
END
systemctl restart docker-registry
for _ in $(seq 50); do
  curl -s -k -o /dev/null https://127.0.0.1:5000/v2/ && exit 0
  sleep 0.1
done
exit 1
"""
# Docker trusts what is on its own loopback.
PUSH = r"""
set -eu
docker --config /root/push login -u "$1" --password-stdin 127.0.0.1:5000 >/dev/null 2>&1
docker tag "$2" "127.0.0.1:5000/$3"
docker --config /root/push push -q "127.0.0.1:5000/$3" >/dev/null
"""
DIGEST = r"""
curl -s -k -I -u "$1" -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
  "https://127.0.0.1:5000/v2/$2/manifests/$3" | tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
"""


class Registry:
    """Runs on `host`, a node image; everything of it goes with that machine."""

    def __init__(self, host: Host, password: str) -> None:
        self._host = host
        self._password = password
        self.address = f"{host.address}:5000"
        self._run(SETUP, host.address, USER, password)

    def certificate(self) -> str:
        return self._run("cat /etc/docker/registry/tls.crt")

    def push(self, image: str, name: str) -> str:
        """Push an image of this machine under ``repository:tag``; the digest that the registry tells."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            load = ["docker", "exec", "-i", self._host.container, "docker", "load", "-q"]
            subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True, timeout=60)
        self._run(PUSH, USER, image, name, typed=self._password)
        repository, _, tag = name.partition(":")
        return self._run(DIGEST, f"{USER}:{self._password}", repository, tag).strip()

    def stop(self) -> None:
        self._run("systemctl stop docker-registry")

    def trust_on(self, host: Host) -> None:
        """What an operator does once on hosts whose registry has a certificate of its own."""
        folder = f"/etc/docker/certs.d/{self.address}"
        host.sh(f"mkdir -p {folder}; cat >{folder}/ca.crt <<'END'\n{self.certificate()}END\n")

    def write_certificate(self, path: Path) -> None:
        path.write_text(self.certificate())

    def _run(self, script: str, *arguments: str, typed: str = "") -> str:
        argv = ["docker", "exec", "-i", self._host.container, "sh", "-c", script, "sh", *arguments]
        done = subprocess.run(argv, input=typed, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, f"registry: {done.stdout}{done.stderr}"
        return done.stdout
