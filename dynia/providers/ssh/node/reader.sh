# What a reader's key may have done here. sshd runs this whatever was asked for (`command=` of authorized_keys): what was
# asked for is read and never run. What runs are the scripts above, with what they are told on stdin sieved.
nl='
'
refuse() { printf 'dynia: %s\n' "$1" >&2; exit 77; }
asked=${SSH_ORIGINAL_COMMAND:-${1-}}
[ "$(id -u)" = 0 ] || exec sudo -n -- "$0" "$asked"
only='this key may only look: `dynia plan`, `dynia drift`, `dynia status`'

# A path that a look tells of: below our folders, or one of our drop-ins and units.
ours() {
  case $1 in *//* | */./* | */../* | */. | */..) return 1 ;; esac
  case $1 in "$opt" | "$opt"/* | "$var"/* | "$units"/*.d/dynia.conf | "$units"/dynia-*.service) ;; *) return 1 ;; esac
}

# A secret may be guessed whole, and once a look.
sieve_look() {
  told=$nl guess=''
  while IFS= read -r line; do
    value=${line#* }
    case ${line%% *} in
      root) [ "$value" = "$opt" ] || continue ;;
      path | secret | data | certificate) ours "$value" || continue ;;
      unit | package) case $value in '' | -* | *[!A-Za-z0-9:_.@+-]*) continue ;; esac ;;
      candidate)
        guess=''
        ours "$value" || continue
        case $told in *"$nl$value$nl"*) continue ;; esac
        told=$told$value$nl guess=yes
        ;;
      content) [ -n "$guess" ] || continue; guess='' ;;
      end) ;;
      *) continue ;;
    esac
    printf '%s\n' "$line"
    [ "${line%% *}" != end ] || break
  done
}

# Only this cluster's own addresses are asked, on the ports that visitors have.
sieve_questions() {
  tr '\000\n' '\n\001' | while IFS= read -r number && IFS= read -r host && IFS= read -r address && IFS= read -r port && IFS= read -r path; do
    case $number in '' | *[!0-9]*) continue ;; esac
    case $host in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) continue ;; esac
    case $address in '' | *[!0-9.]*) continue ;; esac
    case $port in 80 | 443 | 8080) ;; *) continue ;; esac
    case $path in /*) ;; *) continue ;; esac
    case $path in *[!!-~]*) continue ;; esac
    grep -qswF -e "$address" -- "$opt/node.env" "$opt/keepalived/keepalived.conf" "$opt/haproxy/haproxy.cfg" \
      "$opt/failover/failover.env" || continue
    printf '%s\0' "$number" "$host" "$address" "$port" "$path"
  done
}

run() { # script, seconds, arguments
  text=$1 most=$2
  shift 2
  env -i "PATH=$PATH" HOME=/root LC_ALL=C TZ=UTC "DYNIA_OPT=$opt" "DYNIA_VAR=$var" "DYNIA_RUN=$run" "DYNIA_UNITS=$units" \
    DYNIA_READER=yes timeout -k 5 "$most" sh -c "$text" dynia "$@"
}

case $asked in *' DYNIA_ASKS='*) ;; *) refuse "$only" ;; esac
word=${asked#* DYNIA_ASKS=}
word=${word%% *}
case $word in
  "$observe_is") sieve_look | run "$observe" 25 ;;
  "$ask_is") sieve_questions | run "$ask" 30 20 ;;
  observe/* | ask/*) refuse 'the scripts for readers here are those of another Dynia than the one that asks; `dynia apply` with its own key brings them' ;;
  *) refuse "$only" ;;
esac
