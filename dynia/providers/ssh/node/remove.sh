# Take a component off this node: deactivate, then delete its paths.
receive
take_lock
check_lineage
check_fence
compare
staged=''
perform deactivate "$(left)" || answer deactivate 1
# Our own folder goes last, since the transaction lives in it.
grep -vxF -e "$var" "$ask/delete" | keep >>"$log" 2>&1 || fail stage
drop() {
  while IFS= read -r path; do
    [ "$path" = "$var" ] || take_away "$path" || return 1
  done <"$ask/delete"
}
drop >>"$log" 2>&1 || fail swap
commit
if grep -qxF -e "$var" "$ask/delete"; then
  rm -rf -- "$var" "$lock"
fi
answer done 1
