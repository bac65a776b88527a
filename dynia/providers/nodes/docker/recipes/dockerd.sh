#!/bin/sh
# Makes a Docker daemon answer on this machine: installs Debian's packages where they are missing, and
# starts dockerd itself where no init does. A daemon that answers already is left as it is.
# Usage: dockerd.sh LOGFILE
set -eu

log=$1
answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

if answers; then exit 0; fi
if [ -n "${DOCKER_HOST:-}" ]; then
  echo "the Docker daemon at DOCKER_HOST=$DOCKER_HOST does not answer" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "no Docker daemon answers this user: run this as root once, or join the group docker" >&2
  exit 1
fi

exec 9>/run/dynia-dockerd.lock
flock 9
if answers; then exit 0; fi # another run was quicker

missing=
for pair in dockerd:docker.io containerd:containerd iptables:iptables; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
# Debian 13 packs the client on its own, Debian 12 has no such package.
if ! command -v docker >/dev/null 2>&1 && apt-cache show docker-cli >/dev/null 2>&1; then
  missing="$missing docker-cli"
fi
if [ -n "$missing" ]; then
  echo "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends $missing >"$log.apt" 2>&1 || { tail -n 20 "$log.apt" >&2; exit 1; }
  if ! command -v docker >/dev/null 2>&1; then
    apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends docker-cli >>"$log.apt" 2>&1
  fi
fi

if [ -d /run/systemd/system ]; then
  systemctl enable --now --quiet docker.service
else
  if ! grep -q ' /sys/fs/cgroup' /proc/mounts; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  fi
  # A pid file that a dead machine left behind may name anybody's process by now.
  if [ "$(cat "/proc/$(cat /run/docker.pid 2>/dev/null)/comm" 2>/dev/null)" != dockerd ]; then
    rm -f /run/docker.pid
  fi
  # Nothing of the lab uses a private range: RFC 2544 keeps 198.18.0.0/15 for tests.
  setsid dockerd --bip 198.18.0.1/24 --default-address-pool base=198.18.240.0/20,size=24 \
    >>"$log" 2>&1 </dev/null 9>&- &
  echo $! >/run/dynia-dockerd.pid
fi

tries=0
until answers; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ]; then
    echo "dockerd did not answer within 60 s; the end of its log:" >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
  sleep 0.5
done
