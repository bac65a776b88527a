#!/usr/bin/env bash
# One run of `dynia ci` as the action's inputs say. What the runner signals reaches Dynia itself, so all is exec.
set -euo pipefail

if [ -n "${SSH_KEY:-}" ]; then
  key=$SSH_KEY
  unset SSH_KEY
  # The agent ends with what it runs; the key is in no file and no argument.
  # shellcheck disable=SC2016
  exec ssh-agent bash -c 'ssh-add -q - && exec bash "$0"' "$0" < <(printf '%s\n' "$key")
fi

dynia=${PROGRAM:-$GITHUB_ACTION_PATH/.venv/bin/dynia}
case $COMMAND in
plan)
  exec "$dynia" ci plan --cluster "$CLUSTER"
  ;;
apply)
  set -- --cluster "$CLUSTER" --lock-wait "$LOCK_WAIT" --progress plain
  [ -z "$DIGEST" ] || set -- "$@" --expect "$DIGEST"
  for option in $OPTIONS; do set -- "$@" "$option"; done
  exec "$dynia" ci apply "$@"
  ;;
nightly)
  found=0
  "$dynia" drift --cluster "$CLUSTER" --report "$REPORT" || found=$?
  exec "$dynia" ci nightly --cluster "$CLUSTER" --report "$REPORT" --found "$found"
  ;;
*)
  echo "there is no command '$COMMAND': plan, apply or nightly" >&2
  exit 1
  ;;
esac
