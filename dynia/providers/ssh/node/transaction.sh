# A transaction on the node's files: until it is committed, everything it touched can be put back, by this script or,
# if this one is killed, by the next one for the same component. Its folder holds
#   manifest    every path that may be touched, in that order: "+ path" it was there, "- path" it was not
#   old/N       of its Nth line what was there, hard-linked where that is possible; taken away when it is put back
#   new/N       of its Nth line the mark that nothing was there; the same
#   put         "N digest mode owner path": how its Nth line looks once it is through; the last word for N counts
#   made        folders that were created
#   activate    the script that brings the component to life; `activating` marks that it may have run
#   armed       where somebody has to confirm it: until when, and the timer that puts it back else; back.sh does that
# Without a manifest nothing was touched; removing the manifest is the commit.
# Keep the originals of the paths listed on stdin, then write the manifest: from there on they can be put back. Where a
# transaction goes on, what it finds comes after what was kept before, and is put back before that.
keep() {
  mkdir -p "$txn/old" "$txn/new" || return 1
  touch "$txn/made" || return 1
  [ ! -s "$ask/activate" ] || cp "$ask/activate" "$txn/activate" || return 1
  rm -f "$txn/manifest.new" "$txn/put.new"
  # Half of it must never take the place of the whole: the originals would be lost.
  if [ -e "$txn/manifest" ]; then cat "$txn/manifest" >"$txn/manifest.new" || return 1; else : >"$txn/manifest.new"; fi
  [ ! -e "$txn/put" ] || cp "$txn/put" "$txn/put.new" || return 1
  number=$(wc -l <"$txn/manifest.new")
  while IFS= read -r path; do
    number=$((number + 1)) was=-
    rm -rf "$txn/old/$number" "$txn/new/$number"
    if [ -e "$path" ] || [ -L "$path" ]; then
      was=+
      copy "$path" "$txn/old/$number" || return 1
    else
      : >"$txn/new/$number" || return 1
      missing_folders "${path%/*}" >>"$txn/made" || return 1
    fi
    printf '%s %s\n' "$was" "$path" >>"$txn/manifest.new" || return 1
    printf '%s %s\n' "$number" "$(will_look "$path")" >>"$txn/put.new" || return 1
  done
  touch "$txn/put.new" && sync "$txn/put.new" && mv -fT "$txn/put.new" "$txn/put" || return 1
  sync "$txn/manifest.new" "$txn/made" && mv -fT "$txn/manifest.new" "$txn/manifest" && sync "$txn"
}

copy() { # $1 to $2, hard-linked where that is possible
  (
    enter "${1%/*}" || exit 1
    cp -alT -- "./${1##*/}" "$2" 2>/dev/null || { rm -rf -- "$2"; cp -aT -- "./${1##*/}" "$2"; }
  )
}

# Go into the folder $1; with `make`, what is missing of it is made. Below our folder nothing is written, moved or taken
# away but from within, and no link on the way is followed: whoever is inside stays there, whatever becomes of the path.
enter() {
  case $1/ in
    "$opt"/*) ;;
    *) [ -z "${2-}" ] || make_folder "$1"; cd -- "$1"; return ;;
  esac
  [ -z "${2-}" ] || make_folder "$opt"
  cd -P -- "$opt" || return 1
  here=$PWD way=${1#"$opt"}
  way=${way#/}
  while [ -n "$way" ]; do
    next=${way%%/*}
    case $way in */*) way=${way#*/} ;; *) way='' ;; esac
    [ -d "./$next" ] || [ -z "${2-}" ] || (umask 022; mkdir -- "./$next") || return 1
    here=$here/$next
    cd -P -- "./$next" && [ "$PWD" = "$here" ] || { tell "$1: a link leads elsewhere"; return 1; }
  done
}

take_away() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  (enter "${1%/*}" && rm -rf -- "./${1##*/}")
}

# How the path $1 will look, in the words of an expectation. What containers write into may look in any way.
will_look() {
  if [ -z "$staged" ] || [ ! -e "$staged$1" ]; then
    printf 'absent - - %s\n' "$1"
    return
  fi
  kind=sha256:
  ! grep -qxF -e "$1" "$ask/secret" || kind=hmac:
  how=$(looks "$staged$1" "$kind")
  if [ -s "$ask/data" ]; then
    while IFS= read -r folder; do case $1 in "$folder"/*) how=any ;; esac; done <"$ask/data"
  fi
  printf '%s %s %s\n' "$how" "$(find "$staged$1" -maxdepth 0 -printf '%m %u:%g')" "$1"
}

missing_folders() {
  folder=$1
  while [ ! -d "$folder" ]; do printf '%s\n' "$folder" || return 1; folder=${folder%/*}; done
}

# Give $2 the content of $1 in one rename; on another file system by way of a copy beside it.
place() {
  (
    enter "${2%/*}" make || exit 1
    to=./${2##*/}
    # An original that was never replaced is the same file under two names, which mv refuses.
    if [ "$(stat -c %d:%i -- "$1")" = "$(stat -c %d:%i -- "$to" 2>/dev/null)" ]; then rm -f -- "$1"
    elif [ "$(stat -c %d -- "$var")" = "$(stat -c %d .)" ]; then mv -fT -- "$1" "$to"
    else
      rm -rf -- ./.dynia-new
      # Away in one rename: half an original must not be put back by the next one.
      cp -aT -- "$1" ./.dynia-new && mv -fT -- ./.dynia-new "$to" && mv -fT -- "$1" "$1.placed"
    fi
  )
}

# What is neither as the transaction found it nor as it put it there: somebody wrote it since. The last line that a path
# is in says so: what the ones before it put there, a plan has seen.
strange() {
  asked=$nl
  number=$(wc -l <"$txn/manifest")
  while [ "$number" -gt 0 ]; do
    line=$(sed -n "${number}p" "$txn/manifest") put=$(sed -n "s/^$number //p" "$txn/put" 2>/dev/null | tail -n 1)
    path=${line#* } old=$txn/old/$number new=$txn/new/$number
    number=$((number - 1))
    [ -e "$new" ] || [ -e "$old" ] || [ -L "$old" ] || continue
    ! later "$path" || continue
    if [ -z "$put" ] || as_told "$put"; then :
    elif [ -e "$path" ] || [ -L "$path" ]; then
      find "$path" ! -type d -print | while IFS= read -r one; do
        later "$one" || same "$one" "$old${one#"$path"}" || printf '%s\n' "$one"
      done
    elif [ ! -e "$new" ]; then printf '%s\n' "$path"
    fi
    asked=$asked$path$nl
  done
}

later() { # whether a line that was asked already is about $1, or a folder that it is in
  up=$1
  while [ -n "$up" ]; do
    case $asked in *"$nl$up$nl"*) return 0 ;; esac
    up=${up%/*}
  done
  return 1
}

same() {
  if [ -L "$1" ] || [ -L "$2" ]; then [ "$(readlink -- "$1")" = "$(readlink -- "$2")" ]
  elif [ "$1" -ef "$2" ]; then :
  else [ -f "$1" ] && [ -f "$2" ] && [ "$(stat -c '%a %u:%g' -- "$1")" = "$(stat -c '%a %u:%g' -- "$2")" ] && cmp -s -- "$1" "$2"
  fi
}

# Every path of the manifest is again what it was, and the component runs on it. May be cut and run again, also by a
# push that goes on in between: what is put back already is not touched again.
# What somebody wrote since stays, and what was there before it stays kept.
put_back() {
  failed=0 kept=''
  edited=$nl$(strange)$nl
  number=$(wc -l <"$txn/manifest")
  while [ "$number" -gt 0 ]; do
    line=$(sed -n "${number}p" "$txn/manifest")
    path=${line#* } old=$txn/old/$number new=$txn/new/$number
    number=$((number - 1))
    case $edited in *"$nl$path$nl"* | *"$nl$path/"*)
      tell "$path was changed since, and is left as it is"
      kept=1
      continue ;;
    esac
    link_before "$path" || take_away "${path%/*}/.dynia-new" || failed=1
    if [ -e "$new" ]; then
      # What lies behind a link by now is not what was put there.
      { link_before "$path" || take_away "$path"; } && rm -f "$new" || failed=1
    elif [ -e "$old" ] || [ -L "$old" ]; then
      [ ! -d "$path" ] || [ -L "$path" ] || take_away "$path"
      place "$old" "$path" || failed=1
    fi
  done
  [ "$failed" = 0 ] || return 1
  sort -ru "$txn/made" | while IFS= read -r folder; do
    (enter "${folder%/*}" && rmdir -- "./${folder##*/}") >/dev/null 2>&1 || :
  done
  if [ -e "$txn/activating" ] && [ -e "$txn/activate" ]; then
    tell 'put back; activating what was there before'
    STAGE='' TOUCHED=$txn/manifest timeout -k 2 45 sh -eu "$txn/activate" >>"$log" 2>&1 </dev/null || failed=1
    # Where nothing was there before there is nothing to bring to life again.
    grep -q '^+' "$txn/manifest" || failed=0
  fi
  [ -z "$kept" ] || return 1
  commit
  return "$failed"
}

commit() {
  rm -f "$txn/manifest"
  discard
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
