#!/bin/sh
# Pulls the cluster repository, and applies what came. For a timer, or a post-receive hook (with its bare repository as $2).
#   apply.sh /srv/clusters [/srv/clusters.git]
set -eu
here=$1
cluster=${DYNIA_CLUSTER:-prod}
unset GIT_DIR GIT_WORK_TREE   # a hook has them set
[ -n "${2:-}" ] && [ ! -d "$here/.git" ] && git clone -q -b main "$2" "$here"
cd "$here"
git fetch -q origin main
last=$(cat .git/dynia-applied 2>/dev/null || true)
new=$(git rev-parse FETCH_HEAD)
# What was applied is not applied again; what failed is, at the next call.
[ "$new" != "$last" ] || exit 0
git checkout -q --detach "$new"
dynia validate
# exec would end this before the commit is noted; a signal reaches the whole group, Dynia ends what is in flight.
trap : INT TERM HUP
code=0
dynia apply --cluster "$cluster" --yes --progress plain --lock-wait 15m || code=$?
[ "$code" != 0 ] || echo "$new" >.git/dynia-applied
exit "$code"
