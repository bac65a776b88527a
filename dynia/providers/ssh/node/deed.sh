# Run a command that changes something here: under the node's lock, and only for who was not overtaken. What it tells and
# how it ends is the command's own; refused, it is framed, with an exit code that says so.
patience_s=$(patience "$1")
shift
refuse() { # section, what was seen
  section "$1"
  printf '%s\0' "$2"
  section end
  exit 75
}
mkdir -p "$run"
exec 9>>"$lock"
flock -w "$patience_s" 9 || refuse lock "$(head -c 200 "$lock")"
printf '%s deed\n' "$(date +%s)" >"$lock"
code=0
pass_fence || code=$?
case $code in
  0) ;;
  1) refuse fenced "$seen" ;;
  *) refuse stage "the number of the lease could not be kept ($(df -Ph "$var" | awk 'NR == 2 { print $6 ": " $4 " free of " $2 }'))" ;;
esac
# What it leaves running must not keep the lock.
"$@" 9>&-
