# Everything about this node in one go. Reads only, but for the number of a lease: whoever has one is known here from
# the first look on, so nothing that a run before it still sends is taken. stdin: lines "kind value", the last one "end".
pass_fence 2>/dev/null || :
section clock
printf '%s\0' "$(date +%s%N)"

roots='' paths='' units='' packages='' secrets='' data='' certificates='' told=''
section candidates
while IFS= read -r line; do
  value=${line#* }
  case ${line%% *} in
    root) roots=$roots$value$nl ;;
    path) paths=$paths$value$nl ;;
    unit) units=$units$value$nl ;;
    package) packages=$packages$value$nl ;;
    secret) secrets=$secrets$value$nl ;;
    data) data=$data$value$nl ;;
    certificate) certificates=$certificates$value$nl ;;
    candidate) told=$value ;;
    content) has_keys && printf '%s\0%s\0.\0' "$told" "$(printf %s "$value" | base64 -d | keyed)" ;;
    end) break ;;
  esac
done

section host
uname -n | text 300
uname -m | text 100
# In a container the kernel, and so its boot, is the machine's: there the first process tells.
echo "$(cat /proc/sys/kernel/random/boot_id)/$(born 1)" | text 100
{ . /etc/os-release && echo "${ID:-linux}-${VERSION_ID:-}"; } 2>/dev/null | text 100
{ [ ! -r "$opt/lineage" ] || head -n 1 "$opt/lineage"; } | text 200
busy_since 2>/dev/null | text 30
df -P / "$opt" /var/lib/docker 2>/dev/null | text 4000
{ ip -4 -o addr show 2>/dev/null || :; } | text 100000
{ [ ! -r "$run/dynia/vrrp" ] || head -n 1 "$run/dynia/vrrp"; } | text 100
{ find "$var/txn" -mindepth 2 -maxdepth 2 -name manifest -printf '%h\n' 2>/dev/null || :; } | text 4000
{ [ ! -f "$var/manifest.json" ] || tail -n 1 "$var/manifest.json"; } 2>/dev/null | text 4000
# Which containers Caddy leads to: one that just came serves nothing before it is named there.
{ [ ! -r "$opt/caddy/Caddyfile" ] || grep -o 'X-Dynia-Release [0-9a-f]*' "$opt/caddy/Caddyfile"; } 2>/dev/null | text 100000
# To whom HAProxy sends each service: its name, then a line for each node.
{ [ ! -r "$opt/haproxy/haproxy.cfg" ] || sed -n -e 's/^backend service-\([^ ]*\)$/\1/p' \
  -e 's/^ *server \([^ ]* [0-9.]*\):8080$/ \1/p' "$opt/haproxy/haproxy.cfg"; } 2>/dev/null | text 1000000
# Flags of a drain (`drain.sh`) that still count.
section drained
find "$opt/caddy/drain" -mindepth 1 -maxdepth 1 -type f -printf '%f\n' 2>/dev/null | head -n 1000 | while IFS= read -r name; do
  until=$(head -c 20 "$opt/caddy/drain/$name" 2>/dev/null) || continue
  case $until in
    '' | *[!0-9]* | ?????????????*) ;;
    *) [ "$until" -le "$(date +%s)" ] || printf '/%s\0' "$name" ;;
  esac
done

# Single paths, then our folders whole, but for what containers write: that may be any amount, and is theirs. What is
# not there is simply not listed.
IFS=$nl
pruned=$(printf %s "$data" | patterns)
look() {
  for path in $paths $data; do link_before "$path" || find "$path" -maxdepth 0 "$@" 2>/dev/null || :; done
  for path in $pruned; do set -- -path "$path" -prune -o "$@"; done
  for path in $roots; do [ ! -e "$path" ] || find "$path" -xdev -path "$opt/caddy/drain" -prune -o "$@" 2>/dev/null || :; done
}
section files
look -printf "$facts" | head -c 8000000
printf '\0'
# Files with secrets are left out here: a plain hash of a short secret gives it away.
section hashes
# To a reader also those that others may not read, whoever calls them secrets or not.
public=''
[ -z "${DYNIA_READER-}" ] || public="-perm$nl-004"
look -type f $public -size -65536k -print0 | grep -zvxF -e "$secrets" | timeout -k 1 15 xargs -0 -r sha256sum -z -- 2>/dev/null | head -c 8000000
printf '\0'
section secrets
keyed_files $secrets
printf '\0'

# Of a file with a key only its public parts: the certificates, and a hash of the public key that belongs to the key.
section certificates
for path in $certificates; do
  [ -f "$path" ] && [ ! -L "$path" ] || continue
  printf '%s\0' "$path"
  sed '/PRIVATE KEY/,/END .*PRIVATE KEY/d' "$path" 2>/dev/null |
    sed -n -e '/^# dynia /p' -e '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' | text 200000
  { timeout -k 1 5 openssl pkey -in "$path" -pubout -outform DER 2>/dev/null </dev/null || :; } | sha256sum | text 64
  printf '.\0'
done

# Who did not answer in time. Nothing is told of what was asked then: that would say "none there".
hangs=''
late() { case $2 in 124 | 137) hangs=$1 ;; esac; }

section units
shown=$(timeout -k 1 10 systemctl show --timestamp=unix --property=Id,ActiveState,UnitFileState,ActiveEnterTimestamp -- \
  $units keepalived.service 2>/dev/null) || late systemd $?
printf '%s' "$shown" | text 1000000

# The table is as it was loaded, changed since, or gone; nothing is told where nobody knows.
firewall() {
  tables=$(timeout -k 1 5 nft list tables inet) || return 0
  printf '%s\n' "$tables" | grep -qxF 'table inet dynia' || { echo gone; return 0; }
  rules=$(timeout -k 1 5 nft -s list table inet dynia) && loaded=$(cat "$run/dynia-firewall") || return 0
  if [ "$(printf '%s\n' "$rules" | sha256sum)" = "$loaded" ]; then echo loaded; else echo changed; fi
}
section firewall
firewall 2>/dev/null | text 20

section packages
{ [ -z "$packages" ] || dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Status}\n' $packages 2>/dev/null || :; } | text 100000

finish() {
  section hangs
  printf '%s\0' "$hangs"
  section end
  exit 0
}

# A host without Docker has no such section; one whose Docker is down has an empty one.
command -v docker >/dev/null && [ -z "$hangs" ] || finish
# `index` makes Docker look at its plain JSON, where what a container does not have is not there at all.
label() { printf '{{json (index .Config.Labels "%s")}}' "$1"; }
seen="[{{json .Id}},{{json .Name}},{{json .Image}},{{json .State.Status}},\
{{with index .State \"Health\"}}{{json .Status}}{{else}}\"none\"{{end}},{{.State.ExitCode}},{{.RestartCount}},\
{{json .State.StartedAt}},$(label com.docker.compose.project),$(label com.docker.compose.service),\
$(label dev.dynia.config),[{{range \$name, \$_ := .NetworkSettings.Networks}}{{json \$name}},{{end}}\"\"]]"
ids='' containers='' images='' networks=''
ask() { [ -z "$hangs" ] && timeout -k 1 10 docker "$@" 2>/dev/null; }
version=$(ask version --format '{{.Server.Version}}') || { late Docker $?; version=''; }
[ -z "$version" ] || ids=$(ask ps -aq --no-trunc) || { late Docker $?; version=''; }
if [ -n "$version" ]; then
  # Of containers one may have gone since: Docker tells of the others, and ends with 1.
  [ -z "$ids" ] || containers=$(ask inspect --type container --format "$seen" $ids) || late Docker $?
  images=$(ask image ls --no-trunc --digests --format '{{.ID}} {{.Repository}} {{.Tag}} {{.Digest}}') || late Docker $?
  networks=$(ask network ls --filter name=edge- --format '{{.Name}}') || late Docker $?
fi
section docker
if [ -z "$hangs" ] && [ -n "$version" ]; then
  printf '%s' "$version" | text 100
  { ask compose version --short || :; } | text 100
  section containers
  printf '%s' "$containers" | text 4000000
  section images
  printf '%s' "$images" | text 2000000
  section networks
  printf '%s' "$networks" | text 100000
fi
finish
