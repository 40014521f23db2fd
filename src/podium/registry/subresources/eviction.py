"""pods/eviction: a deletion that asks the Pod's disruption budget first (API concepts: API-initiated eviction)."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime

from podium.machinery import errors
from podium.models import codec, conditions, selectors
from podium.models.core_v1 import Pod
from podium.models.meta_v1 import DeleteOptions, Preconditions, StatusCause, StatusDetails
from podium.models.policy_v1 import Eviction, PodDisruptionBudget
from podium.registry.core import Core
from podium.registry.delete import delete
from podium.registry.resources import Resource
from podium.registry.subresources.binding import success
from podium.registry.types import Entry, Request
from podium.store.port import RevisionMismatch

BUDGETS = "poddisruptionbudgets.policy"
MAX_DISRUPTED = 2000
"""Evictions that the budget's controller hasn't seen yet."""
_VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."
_ATTEMPTS = 20


async def evict(core: Core, request: Request, res: Resource, namespace: str, name: str, eviction: Eviction) -> Entry:
    core.check()
    if eviction.metadata.name != name:
        raise errors.BadRequest("name in URL does not match name in Eviction object")
    options = eviction.deleteOptions or DeleteOptions()
    if options.dryRun:
        request.dry_run = True
    for attempt in range(_ATTEMPTS):
        entry = core.live(res).get(namespace, name)
        if entry is None:
            raise errors.NotFound(res.group_resource, name)
        guarded = needs_no_budget(entry.object) is False and await _spend(core, request, entry)
        pinned = _pinned(options, entry) if not guarded and _may_become_ready(entry.object) else options
        try:
            await delete(core, request, res, namespace, name, pinned)
            return success()
        except errors.Conflict:
            if pinned is options or attempt == _ATTEMPTS - 1:
                raise
    raise errors.Conflict(res.group_resource, name)


def needs_no_budget(pod: Pod) -> bool:
    """Whether the Pod's end disrupts nothing: it has ended, hasn't begun, or is on its way."""
    return pod.metadata.deletionTimestamp is not None or pod.status.phase in ("Succeeded", "Failed", "Pending")


def _may_become_ready(pod: Pod) -> bool:
    """Whether the decision holds only for the Pod as it is."""
    return pod.metadata.deletionTimestamp is None and pod.status.phase not in ("Succeeded", "Failed")


def _pinned(options: DeleteOptions, entry: Entry) -> DeleteOptions:
    if options.preconditions is not None and options.preconditions.resourceVersion:
        return options
    pinned = copy.copy(options)
    uid = options.preconditions.uid if options.preconditions else ""
    pinned.preconditions = Preconditions(resourceVersion=str(entry.revision), uid=uid)
    return pinned


async def _spend(core: Core, request: Request, pod: Entry) -> bool:
    """Take one disruption from the Pod's budget; False if it has none to ask or is not ready anyway."""
    for _attempt in range(_ATTEMPTS):
        budgets = budgets_of(pod.object, core.live(BUDGETS).namespace(pod.object.metadata.namespace).values())
        if not budgets:
            return False
        if len(budgets) > 1:
            raise errors.InternalError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            )
        budget: PodDisruptionBudget = budgets[0].object
        if not conditions.is_true(pod.object.status.conditions, "Ready") and _healthy(budget):
            return False
        spent = spend(budget, pod.object.metadata.name, core.now())
        if request.dry_run:
            return True
        try:
            await core.updated(budgets[0].key, codec.encode(spent), budgets[0].revision, spent)
            return True
        except RevisionMismatch as mismatch:
            await core.reached(mismatch.current)
    raise errors.Timeout(f'couldn\'t update PodDisruptionBudget "{budget.metadata.name}" due to conflicts')


def budgets_of(pod: Pod, budgets: Iterable[Entry]) -> list[Entry]:
    """The budgets that cover the Pod; a budget with an empty selector covers none."""
    found = []
    for entry in budgets:
        selector = entry.object.spec.selector
        if selector is None or not (selector.matchLabels or selector.matchExpressions):
            continue
        if selectors.compile(selector).matches(pod.metadata.labels):
            found.append(entry)
    return found


def _healthy(budget: PodDisruptionBudget) -> bool:
    """Whether a Pod that isn't ready may go without being counted."""
    status = budget.status
    if budget.spec.unhealthyPodEvictionPolicy == "AlwaysAllow":
        return True
    return bool(status.desiredHealthy) and (status.currentHealthy or 0) >= (status.desiredHealthy or 0)


def spend(budget: PodDisruptionBudget, pod: str, now: datetime) -> PodDisruptionBudget:
    """The budget with one disruption less; TooManyRequests if none is left."""
    meta, status = budget.metadata, budget.status
    if (status.observedGeneration or 0) < (meta.generation or 0):
        raise _refused(f"The disruption budget {meta.name} is still being processed by the server.", 10)
    allowed = status.disruptionsAllowed or 0
    if allowed < 0:
        raise errors.Forbidden("poddisruptionbudget.policy", meta.name, "pdb disruptions allowed is negative")
    if len(status.disruptedPods) > MAX_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.Forbidden("poddisruptionbudget.policy", meta.name, why)
    if not allowed:
        raise _refused(
            f"The disruption budget {meta.name} needs {status.desiredHealthy or 0} healthy pods and has "
            f"{status.currentHealthy or 0} currently"
        )
    spent = codec.copy(budget)
    spent.metadata.resourceVersion = ""
    spent.status.disruptionsAllowed = allowed - 1
    spent.status.disruptedPods = {**status.disruptedPods, pod: now}
    return spent


def _refused(why: str, retry_after: int = 0) -> errors.TooManyRequests:
    cause = StatusCause(reason="DisruptionBudget", message=why)
    return errors.TooManyRequests(_VIOLATION, details=StatusDetails(causes=(cause,)), retry_after=retry_after)
