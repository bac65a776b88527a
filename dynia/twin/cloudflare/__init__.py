"""The twin of Cloudflare: zones, DNS records and the Origin CA, as far as a cluster needs them."""
