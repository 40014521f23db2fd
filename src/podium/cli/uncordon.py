"""`podium uncordon`: see cordon.py."""

from __future__ import annotations

from podium.cli.cordon import uncordon as command

__all__ = ["command"]
