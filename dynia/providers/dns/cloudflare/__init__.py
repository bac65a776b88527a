"""Names in zones of Cloudflare's, and certificates of its Origin CA, through its own SDK."""
