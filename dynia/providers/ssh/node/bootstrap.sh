# Make this machine ready: what is missing of the packages, our folders, its lineage, its keys. stdin: lines of packages.
lineage=$1 deadline=$2
began=$(seconds)
log=$var/log
trap '' HUP INT PIPE
packages=$(cat)

have() { [ -z "$packages" ] || dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Status}\n' $packages 2>/dev/null | grep "$(printf '\t')installed$" || :; }
lacking() {
  here=$(have | cut -f 1)
  for package in $packages; do printf '%s\n' "$here" | grep -qxF -e "$package" || printf '%s\n' "$package"; done
}

answer() { # phase
  {
    section bootstrap
    printf '%s\0' "$1"
    section output
    tail -c 4000 "$log" 2>/dev/null | text 4000
    section packages
    have | text 100000
    section missing
    lacking | text 100000
    section end
  } 2>/dev/null || :
  exit 0
}

if [ -s "$opt/lineage" ] && read -r found <"$opt/lineage" && [ "$found" != "$lineage" ]; then
  mkdir -p "$var"
  echo "$found" >"$log"
  answer lineage
fi
mkdir -p "$var/txn" "$var/keys" "$run"
exec 9>>"$lock"
flock -w "$(patience "$deadline")" 9 || { log=$lock; answer lock; }
printf '%s bootstrap\n' "$(date +%s)" >"$lock"
: >"$log"
pin_lineage "$lineage"
code=0
pass_fence || code=$?
[ "$code" != 1 ] || { echo "$seen" >"$log"; answer fenced; }
[ "$code" = 0 ] || { echo 'the number of the lease could not be kept' >"$log"; answer stage; }
# Made once and never shown: the keys of this node's keyed hashes.
for name in inner outer; do
  [ -s "$var/keys/$name" ] || {
    head -c 64 /dev/urandom >"$var/keys/.$name"
    mv -fT "$var/keys/.$name" "$var/keys/$name"
  }
done

# A machine that was just made is not ready before cloud-init is: it may hold dpkg's lock, or write over what we write.
# Its own failures are not ours: what is missing afterwards is seen.
if command -v cloud-init >/dev/null; then
  timeout -k 5 "$deadline" cloud-init status --wait >>"$log" 2>&1 </dev/null 9>&- || :
fi
missing=$(lacking)
if [ -n "$missing" ]; then
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt() {
      rest=$((began + deadline - $(seconds)))
      [ "$rest" -gt 5 ] || { echo "no end within $deadline s" >>"$log"; return 1; }
      timeout -k 5 "$rest" apt-get -q -y -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1 </dev/null 9>&-
    }
    # A run that was cut may have left dpkg half way.
    { timeout -k 5 120 dpkg --configure -a >>"$log" 2>&1 </dev/null 9>&- || :; }
    apt update || :
    apt install --no-install-recommends $missing || :
  else
    echo 'no apt-get on this host: install the packages by hand' >>"$log"
  fi
fi
if [ -d /run/systemd/system ] && command -v dockerd >/dev/null; then
  timeout -k 5 60 systemctl enable --now docker.service >>"$log" 2>&1 </dev/null 9>&- || :
fi
answer done
