"""Names by dynamic update at a server that speaks RFC 2136 (BIND, Knot, PowerDNS, ...), through dnspython."""
