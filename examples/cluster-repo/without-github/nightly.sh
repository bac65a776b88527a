#!/bin/sh
# The drift report, kept by date, and mailed (MAIL_TO) or posted (WEBHOOK, as JSON with the text) where something differs.
#   nightly.sh /srv/clusters /var/lib/dynia-drift
set -eu
cd "$1"
report=$2/$(date -u +%F)
cluster=${DYNIA_CLUSTER:-prod}
mkdir -p "$report"
code=0
dynia drift --cluster "$cluster" --report "$report" || code=$?
case $code in
0) exit 0 ;;
3 | 4) text=$report/drift.txt ;;
*) text=$report/failed.txt && echo "dynia drift ended with exit $code" >"$text" ;;
esac
if [ -n "${MAIL_TO:-}" ]; then
  mail -s "Drift of cluster $cluster (exit $code)" "$MAIL_TO" <"$text"
fi
if [ -n "${WEBHOOK:-}" ]; then
  # The URL may be a secret, so it is no argument.
  python3 -c 'import json, sys; print(json.dumps({"text": sys.stdin.read()[:30000]}))' <"$text" >"$report/posted.json"
  printf 'url = "%s"\n' "$WEBHOOK" |
    curl -fsS --max-time 20 --retry 2 -K - -H 'Content-Type: application/json' --data-binary "@$report/posted.json" -o /dev/null
fi
exit "$code"
