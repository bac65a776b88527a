#!/bin/sh
# Written by Dynia. keepalived tells its role: INSTANCE entry MASTER 254. It lands in one rename.
umask 022
mkdir -p /run/dynia
printf '%s\n' "$3" >/run/dynia/.vrrp && mv -f /run/dynia/.vrrp /run/dynia/vrrp
