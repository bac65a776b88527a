#!/bin/sh
# The page of the demo: which node answered, which version, and who asked. `?wait=0.2` answers slowly.
version=${VERSION:-$(cat /etc/version)}
node=$(cat /etc/node-name 2>/dev/null) || node=$(hostname)
case ${QUERY_STRING:-} in
  wait=*[!0-9.]*) ;;
  wait=?*) sleep "${QUERY_STRING#wait=}" ;;
esac
page="Hello from $node, version $version
client: ${HTTP_X_FORWARDED_FOR:-$REMOTE_ADDR}
"
if [ -r /etc/greeting/text ]; then
  page="$page$(cat /etc/greeting/text)
"
fi
printf 'Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' \
  "$(printf '%s' "$page" | wc -c)" "$page"
