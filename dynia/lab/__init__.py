"""The twin on the lab: simulated vendors whose machines, addresses and packets are this machine's own."""
