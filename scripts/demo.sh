#!/bin/sh
# The demo: a lab of three nodes, one service behind one address. Run again, it changes nothing.
set -eu
cd "$(dirname "$0")/.."
begun=$(date +%s)

.venv/bin/dynia lab up
.venv/bin/dynia apply --yes --file examples/demo/clusters.yaml

facts=$(.venv/bin/python scripts/demo_facts.py examples/demo/state.json)
read -r url node container <<FACTS
$facts
FACTS
cat <<TEXT

$url answers:
$(.venv/bin/python scripts/fetch.py "$url" | sed 's/^/    /')

Ready after $(($(date +%s) - begun)) s. What to try next:
    for i in 1 2 3 4 5 6; do curl -s $url; done     the nodes take turns
    cd examples/demo; alias dynia=$PWD/.venv/bin/dynia
    dynia status                                    who holds the address, what serves
    echo 'Good morning' >greeting/text
    dynia plan; dynia apply                         one node at a time, nothing lost
    dynia node ssh $node    edit or delete a file of /opt/dynia, then:
    dynia drift; dynia apply                        what differs, and only that is repaired
    docker kill $container    the address moves by itself; dynia apply starts the node
    cd ../..; make demo-down                        all of it is gone
TEXT
