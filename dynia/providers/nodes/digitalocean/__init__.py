"""Nodes that are droplets, and their reserved IP, through DigitalOcean's own SDK (pydo)."""
