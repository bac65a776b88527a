"""Twins of the clouds: stateful simulators of vendors' APIs, which know nothing of the rest of Dynia."""
