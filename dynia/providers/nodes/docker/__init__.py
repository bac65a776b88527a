"""The lab: a cloud on one machine, whose nodes are containers that boot systemd."""
