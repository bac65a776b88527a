#!/bin/sh
# Written by Dynia. Writes the name of the interface that has this node's private address, as keepalived's variable.
set -eu
name=$(ip -4 -o addr show to "$DYNIA_PRIVATE_IP" | awk '{ print $2; exit }')
if [ -z "$name" ]; then
  echo "no interface of this host has the address $DYNIA_PRIVATE_IP" >&2
  exit 1
fi
printf '$DYNIA_INTERFACE=%s\n' "$name" >"$1"
