"""What the controller remembers of one DaemonSet between looks: its nodes added up, and which of them changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from podium.controllers.context import Key
from podium.controllers.daemonset.backoff import Backoff
from podium.controllers.daemonset.eligibility import Rules
from podium.controllers.daemonset.ledger import Ledger
from podium.controllers.daemonset.node import Terms
from podium.models import apps_v1


@dataclass(frozen=True, slots=True)
class History:
    name_hash: str
    """Of the current template."""
    old: Sequence[apps_v1.ControllerRevision]


@dataclass(slots=True)
class State:
    key: Key
    ledger: Ledger = field(default_factory=Ledger)
    dirty: set[str] = field(default_factory=set)
    """The nodes about which something changed."""
    all_dirty: bool = True
    backoff: Backoff = field(default_factory=Backoff)
    generation: int | None = None
    """Of the DaemonSet, when `rules` and `history` were worked out."""
    rules: Rules | None = None
    terms: Terms | None = None
    history: History | None = None
    """None: it has to be looked at again."""
