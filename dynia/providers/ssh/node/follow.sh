# Run a command until it ends or nobody listens any more (stdin ends with the connection).
exec 3<&0
"$@" </dev/null 2>&1 3<&- &
child=$!
{ cat <&3; kill "$child"; } >/dev/null 2>&1 &
exec 3<&-
wait "$child"
