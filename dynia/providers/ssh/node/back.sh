# Put back what nobody said the word for: run by a timer of the push that waits for it, and after a reboot.
mkdir -p "$run"
exec 9>>"$lock"
while :; do
  flock 9
  [ -e "$txn/armed" ] || exit 0
  rest=$(rest_of_wait)
  [ "$rest" -gt 0 ] || break
  flock -u 9
  sleep "$rest"
done
log=$var/log
printf '%s %s\n' "$(date +%s)" "$component" >"$lock"
: >"$log"
if [ -e "$txn/manifest" ]; then put_back || exit 1
else discard
fi
