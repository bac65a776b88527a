#!/bin/sh
# What `make test` needs beside .venv: OpenSSH's server, which the tests run as their own on a free port of loopback.
# Installed on Debian as root and nowhere started; does nothing where it is there, and says what is skipped otherwise.
set -eu
PATH=$PATH:/usr/sbin:/sbin

if command -v sshd >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no sshd here: tests/integration/node_scripts/test_over_ssh.py is skipped (apt-get install openssh-server)" >&2
  exit 0
fi

echo "installing openssh-server, without starting it"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends openssh-server >/dev/null
# Nor at the next boot: nobody asked for a way into this machine.
if command -v systemctl >/dev/null 2>&1; then
  systemctl --quiet disable ssh.service 2>/dev/null
else
  update-rc.d ssh disable
fi
