"""Names and priorities follow from a node's identity alone."""

from __future__ import annotations

from dynia.services.planning.names import ADJECTIVES, ANIMALS, node_name, priority


def test_a_name_is_two_words_and_always_the_same() -> None:
    name = node_name("lineage", "prod", 1, ())
    first, second = name.split("-")
    assert first in ADJECTIVES and second in ANIMALS
    assert node_name("lineage", "prod", 1, ()) == name


def test_a_taken_name_is_not_given_again() -> None:
    taken: set[str] = set()
    for ordinal in range(1, 3001):
        name = node_name("lineage", "prod", ordinal, taken)
        assert name not in taken
        taken.add(name)


def test_another_cluster_or_lineage_has_other_names() -> None:
    assert node_name("lineage", "prod", 1, ()) != node_name("lineage", "staging", 1, ())
    assert node_name("lineage", "prod", 1, ()) != node_name("other", "prod", 1, ())


def test_the_word_lists_have_no_word_twice() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES) and len(set(ANIMALS)) == len(ANIMALS)


def test_the_oldest_node_has_the_highest_priority_and_all_are_valid_for_vrrp() -> None:
    window = [priority(n) for n in range(1, 255)]
    assert window == sorted(window, reverse=True)
    assert len(set(window)) == 254 and set(window) <= set(range(1, 255))
