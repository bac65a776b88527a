# Bring one component of this node to a release: all or nothing.
probe_s=$5 confirm_s=$6
receive
take_lock
check_lineage
pin_lineage "$lineage"
check_fence
compare

# Scripts see the whole component under $STAGE: what is pushed, and beside it what stays. An activation alone has no stage.
staged=$stage/root
complete_stage() {
  while IFS= read -r path; do make_folder "$staged${path%/*}" || return 1; done <"$ask/delete"
  if [ -s "$ask/data" ]; then
    cut -d ' ' -f 4- "$ask/expected" | while IFS= read -r path; do beside "$path"; done
    return
  fi
  find "$staged$opt" -mindepth 1 -type d 2>/dev/null | while IFS= read -r folder; do
    live=${folder#"$staged"}
    # A folder that holds no file of its own only holds other components' folders.
    [ -n "$(find "$live" -maxdepth 1 -type f -print -quit 2>/dev/null)" ] || continue
    find "$live" -mindepth 1 -maxdepth 1 2>/dev/null | while IFS= read -r path; do beside "$path"; done
  done
}
# What is not pushed and stays.
beside() {
  [ ! -e "$staged$1" ] && [ ! -L "$staged$1" ] || return 0
  ! grep -qxF -e "$1" "$ask/delete" || return 0
  make_folder "$staged${1%/*}"
  cp -alT -- "$1" "$staged$1" 2>/dev/null || cp -aT -- "$1" "$staged$1" || :
}
if [ -s "$ask/files" ] || [ -s "$ask/delete" ]; then
  [ ! -s "$ask/check" ] || complete_stage >>"$log" 2>&1 || fail stage
else
  staged=''
fi
perform check "$(left)" || fail check

if [ -n "$staged" ] || [ -e "$txn/manifest" ]; then
  cat "$ask/files" "$ask/delete" | keep >>"$log" 2>&1 || fail stage
fi
# Where nothing was there before there is nothing to go back to.
if [ "$confirm_s" != 0 ] && grep -qs '^+' "$txn/manifest"; then
  arm >>"$log" 2>&1 || fail stage
fi
swap() {
  while IFS= read -r path; do
    place "$staged$path" "$path" || return 1
  done <"$ask/files"
  while IFS= read -r path; do
    take_away "$path" || return 1
  done <"$ask/delete"
}
swap >>"$log" 2>&1 || fail swap

[ ! -e "$txn/manifest" ] || touch "$txn/activating" >>"$log" 2>&1 || fail swap
staged=''
perform activate "$(left)" || fail activate

until_s=$(($(seconds) + probe_s))
while :; do
  rest=$(left)
  [ "$rest" -lt 10 ] || rest=10
  : >"$log"
  ! perform probe "$rest" || break
  [ "$(seconds)" -lt "$until_s" ] && [ "$(seconds)" -lt $((began + deadline)) ] || fail probe
  sleep 0.2
done
if [ "$confirm_s" != 0 ] && [ -e "$txn/armed" ]; then
  wait_for_word || :
  answer open 1
fi
commit
answer done 1
