"""What to do about all nodes together, and what the status says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from podium.controllers.daemonset.ledger import Ledger
from podium.controllers.daemonset.node import Role, surges
from podium.models import apps_v1, core_v1
from podium.models.intstr import scaled_value

BURST = 250
"""So many Pods at most are created, and so many deleted, at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    create: tuple[str, ...] = ()
    """The nodes that get a Pod."""
    delete: tuple[core_v1.Pod, ...] = ()


def plan(daemon_set: apps_v1.DaemonSet, ledger: Ledger) -> Plan:
    create = [node for node, state in ledger.active.items() if state.create]
    delete = [pod for state in ledger.active.values() for pod in state.delete]
    if daemon_set.spec.updateStrategy.type == "RollingUpdate":
        rolling = surging(daemon_set, ledger) if surges(daemon_set) else replacing(daemon_set, ledger)
        create += rolling.create
        delete += rolling.delete
    return Plan(tuple(create[:BURST]), tuple(delete[:BURST]))


def limits(daemon_set: apps_v1.DaemonSet, desired: int) -> tuple[int, int]:
    """maxSurge and maxUnavailable, both rounded up. If both are 0, one may be unavailable: else nothing ever moved.

    10 nodes, 25% unavailable: 3. 2 nodes, 10%: 1.
    """
    rolling = daemon_set.spec.updateStrategy.rollingUpdate or apps_v1.RollingUpdateDaemonSet()
    surge = scaled_value(0 if rolling.maxSurge is None else rolling.maxSurge, desired, round_up=True)
    unavailable = rolling.maxUnavailable
    unavailable = scaled_value(1 if unavailable is None else unavailable, desired, round_up=True)
    return surge, 1 if desired > 0 and surge == 0 and unavailable == 0 else unavailable


def replacing(daemon_set: apps_v1.DaemonSet, ledger: Ledger) -> Plan:
    """Delete old Pods: all that aren't available, and others as long as no more than maxUnavailable are down."""
    _, unavailable = limits(daemon_set, ledger.counts.desired)
    down = len(ledger.of_role(Role.BROKEN)) + len(ledger.of_role(Role.REPLACE))
    candidates = islice(ledger.of_role(Role.OLD).values(), max(unavailable - down, 0))
    states = [*ledger.of_role(Role.REPLACE).values(), *candidates]
    return Plan(delete=tuple(state.old for state in states if state.old is not None))


def surging(daemon_set: apps_v1.DaemonSet, ledger: Ledger) -> Plan:
    """Create new Pods beside old ones, at most maxSurge at a time beside available ones; delete what they replaced.

    Where no Pod should be any more, an available one goes only once as many are available as there should be.
    """
    surge, _ = limits(daemon_set, ledger.counts.desired)
    room = max(surge - len(ledger.of_role(Role.BROKEN)), 0)
    create = [*ledger.of_role(Role.REPLACE), *islice(ledger.of_role(Role.OLD), room)]
    spare = max(ledger.counts.standing - ledger.counts.desired, 0)
    states = [*ledger.of_role(Role.SUPERSEDED).values(), *islice(ledger.of_role(Role.LEAVING).values(), spare)]
    return Plan(tuple(create), tuple(state.old for state in states if state.old is not None))


def status(daemon_set: apps_v1.DaemonSet, ledger: Ledger) -> apps_v1.DaemonSetStatus:
    """Zero counts are left out where the API does so."""
    counts = ledger.counts
    return apps_v1.DaemonSetStatus(
        currentNumberScheduled=counts.current,
        numberMisscheduled=counts.misscheduled,
        desiredNumberScheduled=counts.desired,
        numberReady=counts.ready,
        updatedNumberScheduled=counts.updated or None,
        numberAvailable=counts.available or None,
        numberUnavailable=(counts.desired - counts.available) or None,
        observedGeneration=daemon_set.metadata.generation,
        collisionCount=daemon_set.status.collisionCount,
        conditions=daemon_set.status.conditions,
    )
