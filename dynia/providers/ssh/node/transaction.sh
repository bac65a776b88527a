# A transaction on the node's files: until it is committed, everything it touched can be put back, by this script or,
# if this one is killed, by the next one for the same component. Its folder holds
#   manifest    every path that may be touched, in that order: "+ path" it was there, "- path" it was not
#   old/N       of its Nth line what was there, hard-linked where that is possible; taken away when it is put back
#   new/N       of its Nth line the mark that nothing was there; the same
#   made        folders that were created
#   activate    the script that brings the component to life; `activating` marks that it may have run
# Without a manifest nothing was touched; removing the manifest is the commit.
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
  else rm -rf "$txn"
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
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    case $2 in
      there) echo there ;;
      hmac:*) echo "hmac:$(has_keys && keyed <"$1")" ;;
      *) sum=$(sha256sum <"$1"); echo "sha256:${sum%% *}" ;;
    esac
  elif [ -e "$1" ] || [ -L "$1" ]; then echo there
  else echo absent
  fi
}

# The paths that are not as the plan saw them. Lines: digest, mode, owner, path; "-" is not compared.
differing() {
  while IFS= read -r line; do
    digest=${line%% *} line=${line#* }
    mode=${line%% *} line=${line#* }
    owner=${line%% *} path=${line#* }
    if [ "$(looks "$path" "$digest")" != "$digest" ]; then printf '%s\n' "$path"
    elif [ "$digest" != absent ]; then
      # In the words of a look: stat has no name for an owner that only a container knows.
      now=$(find "$path" -maxdepth 0 -printf '%m %u:%g')
      [ "$mode" = - ] || [ "$mode" = "${now%% *}" ] || { printf '%s\n' "$path"; continue; }
      [ "$owner" = - ] || [ "$owner" = "${now#* }" ] || printf '%s\n' "$path"
    fi
  done <"$ask/expected"
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
# state and goes on from there, keeping the originals; a plan from before it finds the node put back.
compare() {
  changed=$(differing)
  if [ -e "$txn/manifest" ]; then
    [ -n "$changed" ] || return 0
    put_back || [ ! -e "$txn/manifest" ] || { tell 'what a push that died left could not be put back'; answer stage 0; }
    changed=$(differing)
  else
    rm -rf "$txn"
  fi
  [ -z "$changed" ] || { changed=$changed$nl; answer expected 1; }
}

# Keep the originals of the paths listed on stdin, then write the manifest: from there on they can be put back. Where a
# transaction goes on, what it finds comes after what was kept before, and is put back before that.
keep() {
  mkdir -p "$txn/old" "$txn/new" || return 1
  touch "$txn/made" || return 1
  [ ! -s "$ask/activate" ] || cp "$ask/activate" "$txn/activate" || return 1
  rm -f "$txn/manifest.new"
  # Half of it must never take the place of the whole: the originals would be lost.
  if [ -e "$txn/manifest" ]; then cat "$txn/manifest" >"$txn/manifest.new" || return 1; else : >"$txn/manifest.new"; fi
  number=$(wc -l <"$txn/manifest.new")
  while IFS= read -r path; do
    number=$((number + 1)) was=-
    rm -rf "$txn/old/$number" "$txn/new/$number"
    if [ -e "$path" ] || [ -L "$path" ]; then
      was=+
      cp -alT -- "$path" "$txn/old/$number" 2>/dev/null || { rm -rf "$txn/old/$number"; cp -aT -- "$path" "$txn/old/$number"; } || return 1
    else
      : >"$txn/new/$number" || return 1
      missing_folders "${path%/*}" >>"$txn/made" || return 1
    fi
    printf '%s %s\n' "$was" "$path" >>"$txn/manifest.new" || return 1
  done
  sync "$txn/manifest.new" "$txn/made" && mv -fT "$txn/manifest.new" "$txn/manifest" && sync "$txn"
}

missing_folders() {
  folder=$1
  while [ ! -d "$folder" ]; do printf '%s\n' "$folder" || return 1; folder=${folder%/*}; done
}

# Give $2 the content of $1 in one rename; on another file system by way of a copy beside it.
place() {
  # An original that was never replaced is the same file under two names, which mv refuses.
  if [ "$(stat -c %d:%i -- "$1")" = "$(stat -c %d:%i -- "$2" 2>/dev/null)" ]; then rm -f -- "$1"
  elif [ "$(stat -c %d -- "$var")" = "$(stat -c %d -- "${2%/*}")" ]; then mv -fT -- "$1" "$2"
  else
    rm -rf -- "${2%/*}/.dynia-new"
    # Away in one rename: half an original must not be put back by the next one.
    cp -aT -- "$1" "${2%/*}/.dynia-new" && mv -fT -- "${2%/*}/.dynia-new" "$2" && mv -fT -- "$1" "$1.placed"
  fi
}

# Every path of the manifest is again what it was, and the component runs on it. May be cut and run again, also by a
# push that goes on in between: what is put back already is not touched again.
put_back() {
  failed=0
  number=$(wc -l <"$txn/manifest")
  while [ "$number" -gt 0 ]; do
    line=$(sed -n "${number}p" "$txn/manifest")
    path=${line#* } old=$txn/old/$number new=$txn/new/$number
    number=$((number - 1))
    rm -rf -- "${path%/*}/.dynia-new"
    if [ -e "$new" ]; then
      rm -rf -- "$path" && rm -f "$new" || failed=1
    elif [ -e "$old" ] || [ -L "$old" ]; then
      [ ! -d "$path" ] || [ -L "$path" ] || rm -rf -- "$path"
      make_folder "${path%/*}" && place "$old" "$path" || failed=1
    fi
  done
  [ "$failed" = 0 ] || return 1
  sort -ru "$txn/made" | while IFS= read -r folder; do rmdir -- "$folder" 2>/dev/null || :; done
  if [ -e "$txn/activating" ] && [ -e "$txn/activate" ]; then
    tell 'put back; activating what was there before'
    STAGE='' TOUCHED=$txn/manifest timeout -k 2 45 sh -eu "$txn/activate" >>"$log" 2>&1 </dev/null || failed=1
    # Where nothing was there before there is nothing to bring to life again.
    grep -q '^+' "$txn/manifest" || failed=0
  fi
  commit
  return "$failed"
}

commit() {
  rm -f "$txn/manifest"
  rm -rf "$txn"
}

# Run a script of the request, at most $2 seconds; its output goes to the log. $TOUCHED is a file with a line for each path
# that this transaction may have touched, those of a push that died and is gone on with too: "+ path" or "- path".
perform() {
  [ -s "$ask/$1" ] || return 0
  code=0
  STAGE=$staged TOUCHED=$txn/manifest timeout -k 2 "$2" sh -eu "$ask/$1" >>"$log" 2>&1 </dev/null || code=$?
  case $code in
    0) ;;
    124 | 137) tell "$1: no end within $2 s"; return 1 ;;
    *) tell "$1: exit $code"; return 1 ;;
  esac
}
