#!/bin/sh
# What moves packets for the twin: nft and ip, from Debian.
set -eu
command -v apt-get >/dev/null 2>&1 || { echo "nft and ip are missing on this machine" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 install -qq -y --no-install-recommends nftables iproute2 >/dev/null
