"""How far above and below its replicas a Deployment may go."""

from __future__ import annotations

import pytest

from podium.controllers.deployment import limits
from tests.controllers.build import replica_set
from tests.controllers.cluster import deployment


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "total", "available"),
    [
        (10, "25%", "25%", 13, 8),
        (4, "25%", "25%", 5, 3),
        (1, "25%", "25%", 2, 1),
        (3, 1, 0, 4, 3),
        (3, 0, 1, 3, 2),
        (3, "0%", "0%", 3, 2),
        (1, 0, "25%", 1, 0),
        (2, 5, 5, 7, 0),
        (0, 1, 1, 1, 0),
        (10, "100%", "100%", 20, 0),
        (2**31 - 1, "25%", 0, 2**31 - 1, 2**31 - 1),
    ],
)
def test_fenceposts(replicas: int, surge: int | str, unavailable: int | str, total: int, available: int) -> None:
    one = deployment(replicas, surge=surge, unavailable=unavailable)
    assert (limits.max_total(one), limits.min_available(one)) == (total, available)


def test_recreate_has_no_limits_to_keep() -> None:
    one = deployment(4, strategy="Recreate")
    assert (limits.max_total(one), limits.min_available(one)) == (4, 4)


def test_what_a_replica_set_occupies_and_offers_while_it_shrinks() -> None:
    shrinking = replica_set("a", 2, has=5)
    assert (limits.occupied(shrinking), limits.available(shrinking)) == (5, 2)
    growing = replica_set("a", 5, has=2, available=1)
    assert (limits.occupied(growing), limits.available(growing)) == (5, 1)


@pytest.mark.parametrize(("seconds", "has"), [(None, False), (2**31 - 1, False), (600, True)])
def test_progress_deadline(seconds: int | None, has: bool) -> None:
    assert limits.has_progress_deadline(deployment(1, progressDeadlineSeconds=seconds)) is has
