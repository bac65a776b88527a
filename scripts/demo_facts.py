"""Prints what the demo's state knows: its URL, and name and container of the node that holds it at rest."""

import json
import sys
from pathlib import Path

state = json.loads(Path(sys.argv[1]).read_text())
(demo,) = (one for one in state["clusters"] if one["name"] == "demo")
holder = max((one for one in state["nodes"] if one["cluster"] == "demo"), key=lambda one: one["priority"])
print(f"http://{demo['reservedIp']['address']}/", holder["name"], holder["providerId"])
