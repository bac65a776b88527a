#!/bin/sh
# Written by Dynia. Claims the reserved IP at the provider when keepalived makes this node MASTER.
#
# Everything is looked at anew before each call, because this process may have slept for any time: who is MASTER (the
# file that keepalived's notify script writes), whether the own HAProxy answers, who has the address (the provider's
# metadata service). One claim per change to MASTER; another one only if the address answers nobody for five seconds. So
# nodes that can't hear each other move the address once at most.
#
# Who has the address outranks in VRRP who has not, by the number in $run/weight that keepalived adds to the priority:
# when nodes hear each other again, the one that has it stays MASTER, and nothing moves.
set -u
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
run=${DYNIA_CLAIM_RUN:-/run/dynia-failover} role_file=${DYNIA_ROLE:-/run/dynia/vrrp}
token=${DYNIA_TOKEN:-/opt/dynia/failover/token.conf} alive=${DYNIA_ALIVE:-http://127.0.0.1:8404/alive}
metadata=$DYNIA_METADATA/metadata/v1
entry=${DYNIA_ENTRY_URL:-http://$DYNIA_ENTRY}
# Time is counted in hundredths of a second, and goes on while this process is frozen.
second=${DYNIA_SECOND:-100}
tick=$((second / 100)).$(printf %02d $((second % 100)))

say() { printf '%s\n' "$*"; }
now() { read -r up _ </proc/uptime; now=${up%.*}${up#*.}; }
# A number below $1, so that nodes don't move in step.
jitter() { jitter=$(($(od -An -N2 -tu2 /dev/urandom) % $1)); }
ask() { curl -s -f -m "$1" --noproxy '*' -- "$2" 2>/dev/null; }
role() { role=$(cat "$role_file" 2>/dev/null) || role=''; }

# Does this node have the address? yes, no, or nothing new.
whose() {
  case $(ask 1 "$metadata/reserved_ip/ipv4/active") in
    true)
      # A droplet may have been given another address by somebody else.
      other=$(ask 1 "$metadata/reserved_ip/ipv4/ip_address") || other=''
      if [ "${other:-$DYNIA_ENTRY}" = "$DYNIA_ENTRY" ]; then mine=yes; else mine=no; fi
      ;;
    false) mine=no ;;
    *) mine=unknown ;;
  esac
  now
  seen=$now
}

# The owner's weight is 0. An answer that is missing for a while changes nothing.
weigh() {
  case $mine in
    yes) weight=0 ;;
    no) weight=-200 ;;
    *) weight=${weighed:--200} ;;
  esac
  [ "$weight" != "${weighed:-}" ] || return 0
  printf '%s\n' "$weight" >"$run/weight" && weighed=$weight
}

# Does anybody answer at the address? A new word each time; only HAProxy can repeat it.
answered() {
  word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  [ "$(ask 1 "$entry/.well-known/dynia/$word")" = "$word" ]
}

# Look, and claim if this is the moment. $1: what keepalived said since the last look.
step() {
  before=$last
  role
  last=$role
  whose
  weigh
  if [ "$role" != MASTER ]; then
    due='' silent='' tries=0
    return
  fi
  case $before.$1 in
    MASTER.*MASTER* | [!M]*.* | .*)
      # A change to MASTER, or somebody else who believes to be it.
      due=1 tries=0
      [ $((now - claimed)) -lt $((3 * second)) ] || rest=0
      ;;
  esac
  if [ "$mine" = yes ]; then
    due='' silent='' tries=0
    return
  fi
  [ "$now" -ge "$rest" ] || return
  if [ -z "$due" ]; then
    if answered; then
      silent=''
      return
    fi
    now
    if [ -z "$silent" ]; then
      jitter $((2 * second))
      silent=$now patience=$((5 * second + jitter))
    fi
    [ $((now - silent)) -ge "$patience" ] || return
  fi
  claim
}

claim() {
  if ! ask 1 "$alive" >/dev/null; then
    say 'MASTER, but HAProxy does not answer here: no claim'
    return
  fi
  [ -n "${id:-}" ] || id=$(ask 2 "$metadata/id") || id=''
  case $id in '' | *[!0-9]*)
    id=''
    say 'the metadata service does not tell the id of this droplet: no claim'
    later 1
    return
    ;;
  esac
  # Whoever slept since the look begins again.
  role
  now
  if [ "$role" != MASTER ] || [ $((now - seen)) -gt $((3 * second)) ]; then return; fi
  claimed=$now
  rm -f "$run/head"
  code=$(curl -s -m 5 --connect-timeout 3 --noproxy '*' -K "$token" -o "$run/answer" -D "$run/head" -w '%{http_code}' \
    -H 'Content-Type: application/json' -d "{\"type\":\"assign\",\"droplet_id\":$id}" \
    "$DYNIA_API/v2/reserved_ips/$DYNIA_ENTRY/actions" 2>/dev/null) || code=000
  now
  tries=$((tries + 1))
  case $code in
    2??)
      say "claimed $DYNIA_ENTRY for droplet $id"
      due='' silent='' tries=0
      later 8
      ;;
    422) # another move is under way
      say "claim of $DYNIA_ENTRY: HTTP 422, another action is pending"
      later 1
      ;;
    429)
      wait=$(tr -d '\r' <"$run/head" 2>/dev/null | sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,4\}\)$/\1/p' | head -n 1)
      [ "${wait:-5}" -le 60 ] || wait=60
      say "claim of $DYNIA_ENTRY: HTTP 429, too many requests; again in ${wait:-5} s"
      later "${wait:-5}"
      ;;
    401 | 403 | 404)
      say "claim of $DYNIA_ENTRY: HTTP $code; is DYNIA_FAILOVER_TOKEN right, and may it update reserved IPs?"
      later 30
      ;;
    *)
      say "claim of $DYNIA_ENTRY: $([ "$code" = 000 ] && echo 'no answer' || echo "HTTP $code")"
      later $((tries < 4 ? tries : 4))
      ;;
  esac
  # From then on only an address that answers nobody is claimed.
  [ "$tries" -lt 8 ] || due='' tries=0
}

# Not again for $1 seconds and a bit.
later() {
  jitter "$second"
  rest=$((now + $1 * second + jitter))
}

# The role that was last dealt with outlives this process: one that is started anew knows whether it changed.
last=$(cat "$run/last" 2>/dev/null) || last=''
due='' silent='' tries=0 rest=0
now
claimed=$((now - 3 * second))
[ -p "$run/events" ] || mkfifo "$run/events" || exit 1
# Opened for both, so that it stays open and keepalived never waits for a reader.
exec 3<>"$run/events"
said=''
while :; do
  step "$said"
  dealt=${due:+claiming}
  dealt=${dealt:-$last}
  [ "$dealt" = "${kept:-}" ] || { printf '%s\n' "$dealt" >"$run/last" && kept=$dealt; }
  said=$(timeout "$tick" dd bs=4096 count=1 status=none <&3 2>/dev/null) || :
done
