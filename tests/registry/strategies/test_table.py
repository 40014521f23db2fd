"""Every row of the table of strategies: no rule breaks, whatever it is given."""

from __future__ import annotations

import pytest

from podium.models import resources
from podium.registry.strategies import STRATEGIES


@pytest.mark.parametrize("row", resources.BUILT_IN, ids=lambda row: f"{row.api_version}-{row.kind}")
def test_no_rule_breaks_on_an_empty_object(row: resources.ResourceType) -> None:
    found = STRATEGIES.get((row.group, row.kind))
    if found is None or (row.group, row.version) == ("autoscaling", "v1"):
        return
    obj, old = row.model(), row.model()
    found.default(obj)
    found.prepare_create(obj)
    found.validate(obj)
    found.warnings(obj, None)
    found.prepare_update(obj, old)
    found.validate_update(obj, old)
    if found.prepare_status_update is not None:
        found.prepare_status_update(obj, old)
        found.validate_status_update(obj, old)
