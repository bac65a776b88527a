#!/bin/sh
# Remembers what the kernel made of the rules, so that a change by hand can be told from them.
set -eu
rules=$(nft -s list table inet dynia)
# Not in /run/dynia: that folder goes whenever keepalived is stopped.
printf '%s\n' "$rules" | sha256sum >/run/dynia-firewall.new && mv -f /run/dynia-firewall.new /run/dynia-firewall
