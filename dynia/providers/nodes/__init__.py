"""Vendors of machines, one package each; nothing but the registry imports them."""
