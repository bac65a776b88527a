"""Which addresses the twin of a lab has: they follow from the lab's network, so that two labs never meet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from dynia.interfaces.shape import Shape

# A droplet's last number in the lab's own /24; below it are the lab's nodes, above it its guests.
DROPLET_TAILS = range(130, 190)
FIRST_TAIL = DROPLET_TAILS.start
RESERVED = range(129, 255)
API_PORT, CLOUDFLARE_PORT, NAMES_PORT = 8350, 8351, 8353


class Places(Shape):
    """`subnet` is the lab's network 198.18.N.0/24. The twin adds 198.19.N.0/24, cut in three:

    ::

        .0/26      the droplets' private network (VPC)
        .64/26     anchors: where packets for a reserved IP arrive on a droplet; .65 is their gateway
        .128/25    reserved IPs
    """

    subnet: str

    @property
    def network(self) -> IPv4Network:
        return IPv4Network(self.subnet)

    @property
    def gateway(self) -> IPv4Address:
        """This machine in the lab: the twin listens here."""
        return self.network[1]

    @property
    def vpc(self) -> IPv4Network:
        return IPv4Network((self._more + 0, 26))

    @property
    def anchors(self) -> IPv4Network:
        return IPv4Network((self._more + 64, 26))

    @property
    def reserved(self) -> IPv4Network:
        return IPv4Network((self._more + 128, 25))

    @property
    def anchor_gateway(self) -> IPv4Address:
        return self.anchors[1]

    @property
    def url(self) -> str:
        return f"http://{self.gateway}:{API_PORT}"

    @property
    def cloudflare_url(self) -> str:
        return f"http://{self.gateway}:{CLOUDFLARE_PORT}"

    def private(self, public: str) -> str:
        return str(self.vpc[self._number(public)])

    def anchor(self, public: str) -> str:
        return str(self.anchors[self._number(public)])

    def reserved_ip(self, number: int) -> str:
        """The `number`th that was ever allocated, from 1; after many they come round again."""
        return str(self._more + RESERVED[(number - 1) % len(RESERVED)])

    @property
    def _more(self) -> IPv4Address:
        return IPv4Address(int(self.network[0]) + (1 << 16))

    def _number(self, public: str) -> int:
        return int(IPv4Address(public)) - int(self.network[FIRST_TAIL]) + 2
