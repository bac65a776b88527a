"""What every key of clusters.yaml means, in a line: for the schema (editors show it) and for the docs."""

from __future__ import annotations

KEYS: dict[str, dict[str, str]] = {
    "File": {
        "requires": 'The Dynia that this file needs, like ">=2.0". An older one refuses it.',
        "state": "Where the state is kept.",
        "clusters": "The clusters by name: a-z, 0-9 and -, at most 40 characters.",
    },
    "FileState": {
        "kind": "`file`: state.json beside clusters.yaml.",
        "lease": "How long a run may be silent until one that waits takes its lock over; 5s to 1h.",
    },
    "GitState": {
        "kind": "`git`: on the ref `refs/dynia/state` of this repository's remote, for a team and its CI.",
        "lease": "As with `file`; each sign of life is a push, so it is longer.",
    },
    "Cluster": {
        "provider": "Where nodes come from.",
        "nodes": "How many nodes, or with provider ssh the list of hosts.",
        "ssh": "How to reach the nodes.",
        "entry": "The reserved IP. Left out: `vip` with docker, `api` with digitalocean, `none` with ssh.",
        "dns": "Who binds the domains to the reserved IP.",
        "tls": "Where certificates come from.",
        "rollout": "How a change goes over the nodes.",
        "firewall": "Who may reach the nodes.",
        "registries": "Logins for image registries.",
        "caddy": "The HTTP router on every node.",
        "templates": "A folder; each file in it replaces the built-in template of the same path.",
        "services": "The services by name: a-z, 0-9 and -, at most 40 characters.",
    },
    "DockerProvider": {
        "kind": "`docker`: the lab. Nodes are containers on this machine that boot systemd.",
        "image": "The node image. Left out: the one that `dynia lab up` makes.",
    },
    "SshProvider": {
        "kind": "`ssh`: hosts that exist already; never made, never deleted.",
        "known_hosts": "An OpenSSH known_hosts file, for hosts without a host_key.",
    },
    "DigitalOceanProvider": {
        "kind": "`digitalocean`: droplets; the token is the environment's DIGITALOCEAN_ACCESS_TOKEN.",
        "region": "Where they are, like `lon1`.",
        "image": "What they boot: a Debian, by its slug, or the number of an image of yours.",
        "vpc": "The UUID of their private network. Left out: the region's default.",
    },
    "Count": {
        "count": "How many nodes there are, 1 to 200.",
        "size": "With digitalocean: the size of a new droplet. Left out: `s-1vcpu-1gb`.",
    },
    "Host": {
        "name": "The node's name: a-z, 0-9 and -.",
        "host": "Host name or address that SSH connects to.",
        "private_ip": "IPv4 address at which the other nodes reach it.",
        "user": "Left out: `ssh.user`.",
        "port": "Left out: `ssh.port`.",
        "host_key": "Its public host key, `ssh-ed25519 AAAA...`. It or known_hosts must say the key.",
    },
    "Ssh": {
        "user": "root, or a user who may `sudo -n`.",
        "port": "The port of sshd.",
        "key": "Private key file. Left out: the lab's own key, or the agent.",
        "jump": "A host to go through, `user@host:port`.",
        "connect_timeout": "How long a connection may take, 100ms to 5m.",
    },
    "VipEntry": {
        "kind": "`vip`: keepalived holds the address and moves it by VRRP; the nodes share a layer 2.",
        "address": "A free IPv4 address. With provider docker it may be left out; the lab gives one.",
        "interface": "The interface that gets it. Left out: that of the private address.",
        "witness": "With two nodes: an address that must answer a ping. Left out: the gateway.",
    },
    "ApiEntry": {
        "kind": "`api`: VRRP decides, and DigitalOcean's API moves the address.",
        "witness": "With two nodes: an address that must answer a ping. Left out: the gateway.",
    },
    "NoEntry": {"kind": "`none`: there is no reserved IP."},
    "NoDns": {"kind": "`none`: Dynia binds no name."},
    "CloudflareDns": {
        "kind": "`cloudflare`: with the token in `CLOUDFLARE_API_TOKEN` (Zone Read, DNS Edit).",
        "zone": "The zone. Left out: the longest that the token sees and that all domains lie in.",
        "cname": "The first domain (services by name) is an A record, the others are CNAMEs to it.",
        "proxied": "Visitors reach Cloudflare, and Cloudflare the reserved IP.",
        "adopt": "A record of somebody else's that is in the way is taken over; the plan shows it.",
    },
    "Rfc2136Dns": {
        "kind": "`rfc2136`: by dynamic update at a name server (BIND, Knot, PowerDNS, ...).",
        "zone": "The zone; domains outside it are not bound, and the plan says so.",
        "server": "The zone's primary: a host name or an address, asked over TCP.",
        "port": "Its port.",
        "key": "The name of the TSIG key. It must be allowed to change the zone and to transfer it.",
        "algorithm": "The key's algorithm: `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.",
        "secret": "Where the key's secret is (base64 text, as in the server's key block).",
        "cname": "The first domain (services by name) is an A record, the others are CNAMEs to it.",
        "adopt": "A record of somebody else's that is in the way is taken over; the plan shows it.",
    },
    "NoTls": {"kind": "`none`: HTTP only."},
    "FilesTls": {
        "kind": "`files`: a certificate that somebody else renews.",
        "certificate": "The certificate and those that signed it, PEM, the cluster's own first.",
        "key": "Its private key, PEM, without a passphrase.",
    },
    "SelfSignedTls": {"kind": "`self-signed`: Dynia signs it itself; for tests, and behind a proxy."},
    "AcmeTls": {
        "kind": "`acme-dns01`: by ACME (Let's Encrypt), proven by records in the zone that `dns` names.",
        "email": "Who is told when something is wrong with a certificate.",
        "directory": "The authority's URL. Left out: Let's Encrypt.",
        "ca": "A PEM file of who signed that URL's own certificate. Left out: this machine's list.",
    },
    "CloudflareOriginTls": {
        "kind": "`cloudflare-origin`: of Cloudflare's Origin CA, which Cloudflare's proxy alone trusts.",
    },
    "Rollout": {
        "max_unavailable": "How many nodes may be out at a time; fewer than there are, except with one.",
        "canary": "One node goes first, alone.",
        "health_timeout": "How long a service may take until it is well, 1s to 1h.",
    },
    "Firewall": {
        "enabled": "false: the hosts' own firewall is left alone.",
        "ssh": "`any`, or the IPv4 networks that may reach SSH.",
        "http": "`any`, or the IPv4 networks that may reach HTTP.",
    },
    "Registry": {
        "host": "The registry, like `ghcr.io` or `registry.example.com:5000`.",
        "user": "The user to log in as.",
        "password": "Where the password is; it never stands in the file.",
    },
    "EnvSource": {"env": "The environment variable of whoever runs Dynia."},
    "Caddy": {"image": "Its image. Left out: Dynia's own choice."},
    "Service": {
        "compose": "The compose file.",
        "kind": "`http`, or `worker`: no HTTP, no domains.",
        "domains": "Host names that it answers to, in lower case.",
        "default": "It answers every name that no other service of the cluster has.",
        "target": "`container:port` that requests go to, or `container`. Needed where there is a choice.",
        "health": "How HAProxy and the rollout ask whether it is well.",
        "env": "Variables for `${VAR}` in the compose file. They win over `.env` beside it.",
        "volumes": "`per-node`: volumes and writable mounts are allowed, and each node has its own.",
    },
    "Health": {
        "path": "The path that answers 2xx or 3xx when all is well.",
        "interval": "Time between two checks, 50ms to 10m. Left out: 200ms, or long enough for timeout.",
        "timeout": "How long a check may take; shorter than interval. Left out: 3/4 of interval, at most 2s.",
    },
}
