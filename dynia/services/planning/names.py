"""What follows from a node's identity (lineage, cluster, ordinal): its name and its VRRP priority."""

from __future__ import annotations

import hashlib
from collections.abc import Container

_FIRST = (
    "amber ample arctic autumn azure bold brave breezy bright brisk bronze calm candid cedar clever "
    "cobalt copper coral cosmic crisp daring dawn deft early eager fabled fair fleet fond frosty gentle "
    "glad golden grand hardy hazel honest humble ivory jolly keen kind limber lively lucid lucky lunar "
    "mellow merry mighty misty modest noble olive opal patient placid plucky polar proud quick quiet "
    "rapid ready rosy rustic sage scarlet serene sharp silent silver sleek snowy solar solid spry steady "
    "stellar sunny sure swift tawny tidy tranquil trusty upbeat valiant velvet verdant violet vivid warm "
    "wise witty young zesty"
)

_SECOND = (
    "adder badger bat bear beaver bee bison bobcat boar bream buck bull camel carp cat cobra colt cow "
    "coyote crab crane crow cub deer dingo dog dove drake duck eagle eel egret elk ermine ewe falcon fawn "
    "ferret finch fish fox frog gecko goat goose grouse gull hare hawk hen heron hound ibex ibis jackal "
    "jay kite koala lamb lark lemur lion llama lynx mink mole moose moth mouse mule newt orca otter owl "
    "ox panda perch pike pony puma quail rabbit ram raven robin salmon seal shark sheep shrew skunk sloth "
    "snail stag stoat stork swan tapir tern tiger toad trout viper vole walrus wasp weasel whale wolf "
    "wren yak zebra"
)

ADJECTIVES, ANIMALS = _FIRST.split(), _SECOND.split()

_TRIES = 64
_HIGHEST = 254


def node_name(lineage: str, cluster: str, ordinal: int, taken: Container[str]) -> str:
    """Two words by hash; the next candidate where the name is taken in this cluster."""
    for attempt in range(_TRIES):
        digest = hashlib.sha256(f"{lineage}\0{cluster}\0{ordinal}\0{attempt}".encode()).digest()
        adjective = ADJECTIVES[int.from_bytes(digest[:4], "big") % len(ADJECTIVES)]
        animal = ANIMALS[int.from_bytes(digest[4:8], "big") % len(ANIMALS)]
        name = f"{adjective}-{animal}"
        if name not in taken:
            return name
    return f"{name}-{ordinal}"


def priority(ordinal: int) -> int:
    """VRRP priority: the oldest node highest, so that a joining node never takes the address.

    Never shifted when others come or go. VRRP knows 1 to 254, so it starts again after 254 ordinals: any
    254 that follow each other are distinct.
    """
    return _HIGHEST - (ordinal - 1) % _HIGHEST
