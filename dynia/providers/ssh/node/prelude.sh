# What every script begins with: strict, private files, where things are, and how answers are framed.
# An answer is a stream of NUL-ended tokens; one that begins with \001 opens a section. File names hold no NUL and begin
# with "/", so none can be mistaken for anything else.
set -euf
umask 077
cd /
opt=${DYNIA_OPT:-/opt/dynia} var=${DYNIA_VAR:-/var/lib/dynia} run=${DYNIA_RUN:-/run}
units=${DYNIA_UNITS:-/etc/systemd/system}
lock=$run/dynia.lock
nl='
'

# Seconds since this machine began: they go on evenly while somebody sets its clock.
seconds() { read -r up _ </proc/uptime; echo "${up%.*}"; }
milliseconds() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}0"; }

# When a process began, in ticks since the machine did; nothing if there is none.
born() {
  read -r words 2>/dev/null <"/proc/$1/stat" || return 0
  set -- ${words##*) }
  echo "${20}"
}

make_folder() { (umask 022; mkdir -p -- "$1"); }

# The first link below our folder that the path $1 lies behind, if there is one. Containers write there, and may have made
# it: what is behind it is not ours.
link_before() {
  case $1 in "$opt"/*) ;; *) return 1 ;; esac
  up=${1%/*} link=''
  while [ "$up" != "$opt" ]; do
    [ ! -L "$up" ] || link=$up
    up=${up%/*}
  done
  [ -n "$link" ]
}

pin_lineage() {
  [ -s "$opt/lineage" ] || {
    make_folder "$opt"
    echo "$1" >"$opt/.lineage"
    chmod 644 "$opt/.lineage"
    mv -fT "$opt/.lineage" "$opt/lineage"
  }
}

# A lease's number: "lineage cluster number", or nothing from whoever has none. The node keeps the highest that it has
# seen of its cluster. 0: the number is not lower, and is kept now. 1: a higher one was seen, which is then in $seen.
# 2: it could not be kept.
fence=${DYNIA_FENCE:-}
pass_fence() {
  [ -n "$fence" ] && [ -d "$var" ] && [ -s "$opt/lineage" ] || return 0
  whose='' seen=0 number=${fence##* } belongs=${fence#* }
  belongs=${belongs%% *}
  read -r pinned <"$opt/lineage" || :
  [ "$pinned" = "${fence%% *}" ] || return 0
  # Plain `exec` would end the script where the file can't be opened.
  command exec 8>>"$var/fencing.lock" || return 2
  flock -w 5 8 || return 2
  [ ! -s "$var/fencing" ] || read -r whose seen <"$var/fencing" || :
  case $seen in '' | *[!0-9]*) seen=0 ;; esac
  [ "$whose" = "$belongs" ] || seen=0
  if [ "$number" -lt "$seen" ]; then
    exec 8>&-
    return 1
  fi
  if [ "$number" -gt "$seen" ]; then
    echo "$belongs $number" >"$var/.fencing" && sync "$var/.fencing" && mv -fT "$var/.fencing" "$var/fencing" && sync "$var" || return 2
  fi
  exec 8>&-
}

section() { printf '\001%s\0' "$1"; }

# One token of text from stdin, at most $1 bytes.
text() { tr -d '\000\001' | head -c "$1"; printf '\0'; }

# Records of the paths that find is told to print: seven tokens each, the last a mark that the record is whole.
facts='%p\0%y\0%m\0%u:%g\0%s\0%T@\0.\0'

# Paths as patterns for find that match only themselves.
patterns() { sed 's/[][*?\\]/\\&/g'; }

# A keyed hash of stdin: HMAC's two nested hashes, the inner one as hex, with two random blocks of this node as keys.
# They are read from files, so that no key and no secret stands in an argv.
keyed() {
  inner=$(cat "$var/keys/inner" - | sha256sum)
  printf %s "${inner%% *}" | cat "$var/keys/outer" - | sha256sum | cut -c 1-64
}

has_keys() { [ -s "$var/keys/inner" ] && [ -s "$var/keys/outer" ]; }

# Records "path, keyed hash" of the given files that exist.
keyed_files() {
  has_keys || return 0
  for path in "$@"; do
    [ -f "$path" ] && [ ! -L "$path" ] && ! link_before "$path" || continue
    printf '%s\0%s\0.\0' "$path" "$(keyed <"$path")"
  done
}

# Seconds to wait for the node's lock, of a script that may run $1: who was overtaken may have a deed in flight.
patience() {
  third=$(($1 / 3))
  [ "$third" -gt 5 ] || third=5
  [ "$third" -lt 60 ] || third=60
  echo "$third"
}

# Seconds since which somebody holds the node's lock; nothing if it is free.
busy_since() {
  [ -e "$lock" ] || return 0
  flock -n -s "$lock" true && return 0
  since=$(head -c 200 "$lock" | cut -d ' ' -f 1)
  case $since in '' | *[!0-9]*) date +%s ;; *) echo "$since" ;; esac
}
