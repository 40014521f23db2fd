"""ServiceAccounts as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.core_v1 import ServiceAccount
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, number


def _service_account(obj: ServiceAccount, now: datetime) -> Cells:
    return [obj.metadata.name, len(obj.secrets), age(obj, now)]


SERVICE_ACCOUNTS = Columns((NAME, number("Secrets", "How many Secrets it may use"), AGE), _service_account)
