# What this node's HAProxy sends to which node, by service, and with "own" what its own Caddy has at work. Reads only.
section haproxy
{ curl -s -f -m 2 --noproxy '*' 'http://127.0.0.1:8404/traffic;csv' | grep '^service-' | cut -d , -f 1,2,5,18; } 2>/dev/null | text 2000000
section caddy
# Its admin API is on the container's own loopback.
at_work() {
  pid=$(timeout -k 1 5 docker inspect -f '{{.State.Pid}}' dynia-caddy </dev/null) || return 0
  timeout -k 1 5 nsenter -t "$pid" -n curl -s -f -m 2 --noproxy '*' http://127.0.0.1:2019/reverse_proxy/upstreams || :
}
[ "$1" != own ] || at_work 2>/dev/null | text 2000000
section end
