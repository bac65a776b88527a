# How a request that changes files is received, compared with the node under its lock, and answered.
component=$1 lineage=$2 key=$3 deadline=$4
began=$(seconds)
txn=$var/txn/$key
stage=$var/stage.$$.$(born $$)
log=$stage/log
ask=$stage/.dynia
changed='' blocks='' inodes=''
# The runner may die at any time: that must not stop what is half done.
trap '' HUP INT PIPE

# Seconds that are left, at least 1 (0 would mean "for ever" to timeout).
left() {
  rest=$((began + deadline - $(seconds)))
  [ "$rest" -gt 0 ] || rest=1
  echo "$rest"
}

# One more line of the log. A full disk must not end the script in the middle.
tell() { printf '%s\n' "$1" 2>/dev/null >>"$log" || :; }

# What is free where a push needs room. Looked at before anything is put back or swept up, which makes room.
look_at_room() {
  blocks=$(df -P -- "$var" "$opt" /var/lib/docker 2>/dev/null) || :
  inodes=$(df -Pi -- "$var" "$opt" /var/lib/docker 2>/dev/null) || :
}

answer() { # phase, restored
  case $1 in stage | check | swap | activate | deactivate | probe) [ -n "$blocks" ] || look_at_room ;; esac
  {
    section answer
    printf '%s\0%s\0' "$1" "$2"
    section changed
    printf %s "$changed" | tr '\n' '\0'
    section output
    tail -c 4000 "$log" 2>/dev/null | text 4000
    section room
    printf %s "$blocks" | text 4000
    printf %s "$inodes" | text 4000
    paths=$(cat "$ask/files" "$ask/delete" 2>/dev/null)
    secrets=$(cat "$ask/secret" 2>/dev/null)
    IFS=$nl
    section files
    [ -z "$paths" ] || find $paths -maxdepth 0 -printf "$facts" 2>/dev/null
    section hashes
    [ -z "$paths" ] || find $paths -maxdepth 0 -type f -print0 2>/dev/null | grep -zvxF -e "$secrets" | xargs -0 -r sha256sum -z --
    section secrets
    keyed_files $secrets
    section end
  } 2>/dev/null || :
  rm -rf "$stage"
  exit 0
}

fail() { # phase
  restored=1
  look_at_room
  if [ -e "$txn/manifest" ]; then put_back || restored=0
  else discard
  fi
  answer "$1" "$restored"
}

take_lock() {
  mkdir -p "$var/txn" "$run"
  exec 9>>"$lock"
  if ! flock -w "$(patience "$deadline")" 9; then
    ask=/dev/null log=$lock
    answer lock 1
  fi
  log=$var/log
  printf '%s %s\n' "$(date +%s)" "$component" >"$lock"
  : >"$log"
  # Of scripts that were killed. One that is alive may still receive; after a reboot its number is somebody else's.
  find "$var" -maxdepth 1 -name 'stage.*' | while IFS= read -r dead; do
    number=${dead#"$var/stage."}
    number=${number%%.*}
    [ "$dead" = "$var/stage.$number.$(born "$number")" ] || rm -rf "$dead"
  done
}

check_lineage() {
  [ -s "$opt/lineage" ] || return 0
  read -r found <"$opt/lineage" || :
  [ "$found" = "$lineage" ] || { tell "$found"; answer lineage 1; }
}

# Under the lock, and before anything is touched: who was overtaken does nothing more here.
check_fence() {
  code=0
  pass_fence || code=$?
  case $code in
    0) ;;
    1) tell "$seen"; answer fenced 1 ;;
    *) tell 'the number of the lease could not be kept'; answer stage 1 ;;
  esac
}

# The request is one tar on stdin; its last member says that it is whole. It is received before the lock is taken: a
# runner that is frozen, or a slow line, must not keep a node from the one who takes over.
receive() {
  rm -rf "$stage"
  mkdir -p "$stage" || answer stage 1
  check_lineage
  timeout -k 2 "$(left)" tar -x -p -m --numeric-owner -C "$stage" -f - >>"$log" 2>&1 || answer stage 1
  [ -e "$ask/end" ] || { tell 'the request ended before its end'; answer stage 1; }
}

# How a path looks now, in the words of the expectation $2.
looks() {
  if link_before "$1"; then echo absent
  elif [ -f "$1" ] && [ ! -L "$1" ]; then
    case $2 in
      there) echo there ;;
      hmac:*) echo "hmac:$(has_keys && keyed <"$1")" ;;
      *) sum=$(sha256sum <"$1"); echo "sha256:${sum%% *}" ;;
    esac
  elif [ -e "$1" ] || [ -L "$1" ]; then echo there
  else echo absent
  fi
}

# Whether the path of the line "digest mode owner path" looks like that; "-" is not compared.
as_told() {
  digest=${1%% *} told=${1#* }
  mode=${told%% *} told=${told#* }
  owner=${told%% *} path=${told#* }
  [ "$digest" != any ] || return 0
  [ "$(looks "$path" "$digest")" = "$digest" ] || return 1
  [ "$digest" != absent ] || return 0
  # In the words of a look: stat has no name for an owner that only a container knows.
  now=$(find "$path" -maxdepth 0 -printf '%m %u:%g')
  [ "$mode" = - ] || [ "$mode" = "${now%% *}" ] || return 1
  [ "$owner" = - ] || [ "$owner" = "${now#* }" ]
}

# Links that what is written or taken away would lie behind.
links() {
  cat "$ask/files" "$ask/delete" | while IFS= read -r path; do
    ! link_before "$path" || printf '%s\n' "$link"
  done | sort -u
}

# The paths that are not as the plan saw them.
differing() {
  while IFS= read -r line; do as_told "$line" || printf '%s\n' "$path"; done <"$ask/expected"
  [ ! -s "$ask/only-seen" ] || unseen
}

# What lies where a removal deletes and the plan has not seen: its own paths are there twice, so never alone. No look
# tells of the flags of a drain, or of what is in a folder that is itself expected: data of containers. A folder that
# can't be looked through may hold anything.
unseen() {
  folders=$(sed -n 's/^there [^ ]* [^ ]* //p' "$ask/expected" | patterns)
  IFS=$nl
  for path in $folders; do set -- "$@" -path "$path" -prune -o; done
  unset IFS
  {
    cut -d ' ' -f 4- "$ask/expected" "$ask/expected"
    while IFS= read -r path; do
      [ -e "$path" ] || [ -L "$path" ] || continue
      find "$path" -path "$opt/caddy/drain" -prune -o "$@" ! -type d -print || printf '%s\n' "$path"
    done <"$ask/delete"
  } 2>/dev/null | sort | uniq -u
}

# Compare with the plan. A push that died has left its transaction: a plan that was made after it saw the half-done
# state and goes on from there, keeping the originals; a plan from before it finds the node put back. Where somebody
# wrote since it died, nothing is: what he wrote would be lost.
compare() {
  changed=$(links)
  [ -z "$changed" ] || { changed=$changed$nl; answer link 1; }
  changed=$(differing)
  if [ -e "$txn/manifest" ]; then
    [ -n "$changed" ] || return 0
    edited=$(strange)
    if [ -n "$edited" ]; then
      edited=$(printf '%s\n' "$changed" | grep -xF -e "$edited") && changed=$edited
    else
      put_back || [ ! -e "$txn/manifest" ] || { tell 'what a push that died left could not be put back'; answer stage 0; }
      changed=$(differing)
    fi
  else
    discard
  fi
  [ -z "$changed" ] || { changed=$changed$nl; answer expected 1; }
}
