"""Hosts that exist already: never made, never deleted, never touched by anything but SSH."""
