"""Nodes over SSH: one connection per node and command, one exec per request."""
