#!/bin/sh
# Makes .venv from requirements.lock (exact versions, checked by hash). Does nothing where it is up to date.
set -eu
cd "$(dirname "$0")/.."

find_python() {
  for one in python3 python3.13 python3.12 python3.11; do
    if command -v "$one" >/dev/null 2>&1 &&
      "$one" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$one"
      return 0
    fi
  done
  return 1
}

wanted=$(cat requirements.lock pyproject.toml scripts/bootstrap.sh | sha256sum | cut -d' ' -f1)
if [ -x .venv/bin/dynia ] && [ "$(cat .venv/lock.sha256 2>/dev/null)" = "$wanted" ]; then exit 0; fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  if ! python=$(find_python); then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
      echo "Python 3.11 or newer with venv is missing; on Debian: apt-get install python3-venv" >&2
      exit 1
    fi
    echo "installing python3-venv"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends python3 python3-venv >/dev/null
    python=$(find_python) || { echo "this Debian's Python is older than 3.11" >&2; exit 1; }
  fi
  rm -rf .venv
  "$python" -m venv .venv
fi

echo "installing the locked dependencies into .venv"
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
pip install --quiet --require-hashes --no-deps --requirement requirements.lock
pip install --quiet --no-deps --no-build-isolation --no-index --editable .
echo "$wanted" >.venv/lock.sha256
