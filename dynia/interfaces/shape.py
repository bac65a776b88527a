"""The base of every value that passes between layers: frozen, keyword-only, unknown keys refused."""

from __future__ import annotations

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """A frozen value. Change means a new value: ``msgspec.structs.replace(value, field=new)``."""
