"""A few seeds; `make soak` runs as many as one likes."""

from __future__ import annotations

import pytest

from tests.soak.run import soak


@pytest.mark.parametrize("seed", range(2))
def test_a_troubled_cluster_ends_where_a_calm_one_does(seed: int) -> None:
    """All invariants hold at every change, it settles, nothing is left behind, and nothing writes after that."""
    result = soak(seed)
    assert result.problems == []
    for promise in ("Deployment most", "DaemonSet Pods of a node", "Job completions", "PDB counts"):
        assert result.checked[promise] > 10, "the test shows nothing"
