"""Which cluster a command is about: flag, environment, context, the only one, or an error with the choices."""

from __future__ import annotations

import pytest

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.target import resolve_target

BOTH = ("prod", "staging")


@pytest.mark.parametrize(
    ("flag", "environ", "current", "known", "target"),
    [
        ("prod", {"DYNIA_CLUSTER": "staging"}, "staging", BOTH, "prod"),
        (None, {"DYNIA_CLUSTER": "staging"}, "prod", BOTH, "staging"),
        (None, {"DYNIA_CLUSTER": ""}, "prod", BOTH, "prod"),
        (None, {}, "prod", BOTH, "prod"),
        (None, {}, None, ("prod",), "prod"),
    ],
)
def test_the_first_that_names_a_cluster_decides(flag, environ, current, known, target):
    assert resolve_target(flag, environ, current, known) == target


@pytest.mark.parametrize(
    ("flag", "environ", "current", "known", "message"),
    [
        (
            "pord",
            {},
            "prod",
            BOTH,
            "the command line names cluster pord, which is not known: there is prod and staging",
        ),
        (None, {"DYNIA_CLUSTER": "x"}, "prod", BOTH, "DYNIA_CLUSTER names cluster x, which is not known"),
        (None, {}, "gone", ("prod",), "the context names cluster gone, which is not known: there is prod"),
        (None, {}, None, BOTH, "which cluster? there is prod and staging"),
        (None, {}, None, (), "there is no cluster yet"),
    ],
)
def test_a_wrong_name_is_never_passed_over_and_the_choices_are_listed(flag, environ, current, known, message):
    with pytest.raises(DyniaError, match=message.replace("?", r"\?")) as caught:
        resolve_target(flag, environ, current, known)
    assert caught.value.hint
