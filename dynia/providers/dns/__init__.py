"""Vendors of DNS, one package each; nothing but the registry imports them."""
