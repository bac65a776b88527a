"""Who makes certificates: one file per kind of `tls`."""
