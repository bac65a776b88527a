# Let HAProxy send services of this node nothing new for so many seconds, or (0) send to them again: by a flag that the
# node's Caddy looks at when a check asks it. Tells for which services there is one now.
lasts=$1
shift
flags=$opt/caddy/drain
section drained
for service in "$@"; do
  if [ "$lasts" = 0 ]; then
    rm -f -- "$flags/$service" "$flags/.$service"
  # A Caddyfile of before, or of the team's own, may not look at it.
  elif grep -qsF "/drain/$service}" "$opt/caddy/Caddyfile"; then
    make_folder "$flags"
    (umask 022; echo "$(($(date +%s) + lasts))" >"$flags/.$service")
    mv -fT -- "$flags/.$service" "$flags/$service"
    printf '/%s\0' "$service"
  fi
done
[ "$lasts" != 0 ] || rmdir "$flags" 2>/dev/null || :
section end
