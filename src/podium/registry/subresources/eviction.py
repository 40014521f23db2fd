"""pods/eviction: a deletion that asks the Pod's disruption budget first (API concepts: API-initiated eviction)."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime

from podium.machinery import errors
from podium.models import codec, conditions, selectors
from podium.models.core_v1 import Pod, PodCondition
from podium.models.meta_v1 import Condition, DeleteOptions, Preconditions, StatusCause, StatusDetails
from podium.models.policy_v1 import Eviction, PodDisruptionBudget
from podium.registry.core import Core
from podium.registry.delete import check_preconditions, delete
from podium.registry.resources import Resource
from podium.registry.subresources.binding import success
from podium.registry.types import Entry, Request
from podium.store.port import RevisionMismatch

BUDGETS = "poddisruptionbudgets.policy"
MAX_DISRUPTED = 2000
"""Evictions that the budget's controller hasn't seen yet."""
_VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."
_ATTEMPTS = 20


class SeveralBudgets(errors.StatusError):
    code, reason = 500, ""

    def __init__(self) -> None:
        super().__init__(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )


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
        pod: Pod = entry.object
        asked = not needs_no_budget(pod)
        guarded = asked and await _spend(core, request, entry)
        pinned = options if guarded or _has_ended(pod) else _pinned(options, entry)
        try:
            await _mark_and_delete(core, request, res, namespace, name, pinned)
            return success()
        except errors.Conflict:
            if pinned is options or attempt == _ATTEMPTS - 1:
                raise
    raise errors.Conflict(res.group_resource, name)


async def _mark_and_delete(
    core: Core, request: Request, res: Resource, namespace: str, name: str, options: DeleteOptions
) -> None:
    """Say in the Pod's status why it goes, then delete it."""
    if not request.dry_run:
        entry = await _mark(core, res, namespace, name, options)
        required = options.preconditions
        if required is not None and required.resourceVersion:
            options = copy.copy(options)
            options.preconditions = Preconditions(resourceVersion=str(entry.revision), uid=required.uid)
    await delete(core, request, res, namespace, name, options)


async def _mark(core: Core, res: Resource, namespace: str, name: str, options: DeleteOptions) -> Entry:
    collection = core.live(res)
    key = collection.key(namespace, name)
    while True:
        entry = collection.find(key)
        if entry is None:
            raise errors.NotFound(res.group_resource, name)
        check_preconditions(res, entry, options)
        marked = targeted(entry.object, core.now())
        if marked is entry.object:
            return entry
        try:
            return await core.updated(key, codec.encode(marked), entry.revision, marked)
        except RevisionMismatch as mismatch:
            await core.caught_up(collection, key, mismatch)


def targeted(pod: Pod, now: datetime) -> Pod:
    """The Pod with the condition that says that it is evicted; the same one if it has that already."""
    condition = PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
        observedGeneration=pod.metadata.generation,
    )
    changed = conditions.put(pod.status.conditions, condition, now)
    if changed is pod.status.conditions:
        return pod
    marked = copy.copy(pod)
    marked.metadata = copy.copy(pod.metadata)
    marked.metadata.resourceVersion = ""
    marked.status = copy.copy(pod.status)
    marked.status.conditions = changed
    return marked


def needs_no_budget(pod: Pod) -> bool:
    """Whether the Pod's end disrupts nothing: it has ended, hasn't begun, or is on its way."""
    return pod.metadata.deletionTimestamp is not None or pod.status.phase in ("Succeeded", "Failed", "Pending")


def _has_ended(pod: Pod) -> bool:
    """Whether the decision holds whatever becomes of the Pod: otherwise it might become ready meanwhile."""
    return pod.metadata.deletionTimestamp is not None or pod.status.phase in ("Succeeded", "Failed")


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
            raise SeveralBudgets
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
    """The budgets that cover the Pod; a budget with an empty selector covers all of its namespace."""
    return [entry for entry in budgets if selectors.compile(entry.object.spec.selector).matches(pod.metadata.labels)]


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
    if allowed == 1:
        exhausted = Condition(
            type="DisruptionAllowed",
            status="False",
            reason="InsufficientPods",
            observedGeneration=status.observedGeneration,
        )
        spent.status.conditions = conditions.put(status.conditions, exhausted, now)
    return spent


def _refused(why: str, retry_after: int = 0) -> errors.TooManyRequests:
    cause = StatusCause(reason="DisruptionBudget", message=why)
    return errors.TooManyRequests(_VIOLATION, details=StatusDetails(causes=(cause,)), retry_after=retry_after)
