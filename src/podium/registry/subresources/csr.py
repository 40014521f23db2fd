"""certificatesigningrequests/approval: conditions only."""

from __future__ import annotations

import copy
from typing import Any

from podium.machinery import field
from podium.machinery.errors import FieldError

_DECISIONS = ("Approved", "Denied")


def keep_all_but_conditions(new: Any, old: Any) -> None:
    status = copy.copy(old.status)
    status.conditions = new.status.conditions
    new.spec, new.status = old.spec, status


def approval_errors(new: Any, old: Any) -> list[FieldError]:
    path = field.Path("status.conditions")
    found: list[FieldError] = []
    decided = {one.type for one in new.status.conditions if one.type in _DECISIONS}
    if len(decided) == 2:
        found.append(field.invalid(path, "Approved", "Approved and Denied conditions are mutually exclusive"))
    for one in old.status.conditions:
        if one.type in _DECISIONS and one.type not in decided:
            found.append(field.forbidden(path, f"updates may not remove a condition of type {field.quote(one.type)}"))
    return found
