#!/bin/sh
# Debian 13 without a registry: debootstrap, and the tree as a tar on standard output.
# Usage: base.sh WORKDIR LOGFILE > root.tar
set -eu

work=$1 log=$2
if [ "$(id -u)" != 0 ]; then
  echo "no image registry answers, and debootstrap needs root" >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends debootstrap; } >>"$log" 2>&1
fi
root=$(mktemp -d "$work/debootstrap.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM
# A mirror that hiccups costs only what it did not give: debootstrap keeps what it has.
tries=1
until debootstrap --variant=minbase --include=ca-certificates trixie "$root" >>"$log" 2>&1; do
  if [ "$tries" -ge 3 ] || ! tail -n 1 "$log" | grep -q "Couldn't download"; then
    echo "debootstrap failed; the end of $log:" >&2
    tail -n 5 "$log" >&2
    exit 1
  fi
  tries=$((tries + 1))
done
tar -C "$root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' \
  --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*_*' -c .
