#!/bin/sh
# Remembers what the kernel made of the rules, so that a change by hand can be told from them.
set -eu
rules=$(nft -s list table inet dynia)
mkdir -p /run/dynia
printf '%s\n' "$rules" | sha256sum >/run/dynia/.firewall && mv -f /run/dynia/.firewall /run/dynia/firewall
