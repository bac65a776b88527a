#!/bin/sh
# Stops the Docker daemon if dockerd.sh started it and nobody has anything in it: no container, no image, no
# volume, no network but its own three.
set -eu

record=/run/dynia-dockerd.pid
[ -r "$record" ] || exit 0
pid=$(cat "$record")
[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || { rm -f "$record"; exit 0; }
used=$(docker ps -aq; docker images -aq; docker volume ls -q; docker network ls -q --filter type=custom)
if [ -n "$used" ]; then
  echo "Docker goes on: it has other things than the lab's."
  exit 0
fi
kill "$pid"
# Ended is also what nobody has waited for yet (Z): PID 1 need not be an init here.
tries=0
while grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 150 ]; then
    echo "dockerd (process $pid) was told to stop and goes on." >&2
    exit 1
  fi
  sleep 0.2
done
rm -f "$record"
ip link delete docker0 2>/dev/null || true
echo "Docker is stopped: it was started for the lab, and nothing else is in it."
