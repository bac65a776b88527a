"""The twin of DigitalOcean: the part of its API (v2) that a cluster needs."""
