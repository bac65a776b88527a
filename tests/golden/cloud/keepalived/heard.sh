#!/bin/sh
# Written by Dynia. keepalived heard another node that believes to be MASTER and gives way: the claim unit looks again.
# Never waits: without a reader, or with a full pipe, the word is lost, and the unit looks every second anyway.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
pipe=${DYNIA_CLAIM_RUN:-/run/dynia-failover}/events
[ -p "$pipe" ] || exit 0
printf 'INSTANCE "entry" MASTER_RX_LOWER_PRI 0\n' | dd of="$pipe" oflag=nonblock conv=notrunc status=none 2>/dev/null || :
