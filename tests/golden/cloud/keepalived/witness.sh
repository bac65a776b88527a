#!/bin/sh
# Written by Dynia. Does the witness answer a ping? Without a name it is the default gateway.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
witness=''
[ -n "$witness" ] || witness=$(ip -4 route show default | awk '$2 == "via" { print $3; exit }')
if [ -z "$witness" ]; then
  echo 'there is no default gateway that could be the witness' >&2
  exit 1
fi
exec ping -n -q -c 1 -W 0.8 "$witness" >/dev/null
