#!/bin/sh
# Takes away what `make demo` made: nodes, addresses, network, images, the demo's state. Another cluster in
# this checkout's lab, and everything of Docker's that is not the lab's, stays as it is.
set -eu
cd "$(dirname "$0")/.."

.venv/bin/dynia lab down --cluster demo --images
rm -rf examples/demo/state.json examples/demo/.dynia examples/demo/deploy-config
if [ ! -e examples/demo/state.json ] && command -v docker >/dev/null 2>&1; then
  sh dynia/providers/nodes/docker/recipes/dockerd-stop.sh
fi
echo "Packages that were installed for it stay, and so does .venv."
