#!/bin/sh
# Resolves pyproject.toml anew into requirements.lock, for Python 3.11 to 3.13. Needs `uv` (pip install uv).
set -eu
cd "$(dirname "$0")/.."
exec "${UV:-uv}" pip compile pyproject.toml --extra lab --group dev --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock "$@"
