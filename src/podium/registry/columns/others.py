"""The remaining kinds as tables: scaling, access, limits, API extensions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models import autoscaling_v1, core_v1
from podium.models.apiregistration_v1 import APIService
from podium.models.autoscaling_v2 import HorizontalPodAutoscaler, MetricSpec, MetricStatus
from podium.models.certificates_v1 import CertificateSigningRequest
from podium.models.core_v1 import ResourceQuota
from podium.models.policy_v1 import PodDisruptionBudget
from podium.registry.columns.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    Columns,
    age,
    condition,
    flag,
    number,
    selector,
    text,
    truth,
    wide,
)
from podium.registry.columns.duration import human_duration

_UNKNOWN = "<unknown>"


# --- scaling and disruption -------------------------------------------------------------------------------------


def _metric(spec: MetricSpec, status: MetricStatus | None) -> str:
    """Current and wanted value of one metric: "cpu: 12%/80%"."""
    name = {"ContainerResource": "containerResource"}.get(spec.type, spec.type.lower())
    source: Any = getattr(spec, name, None)
    if source is None:
        return "<unknown type>"
    current: Any = getattr(getattr(status, name, None), "current", None)
    target = source.target
    label = f"{source.name}: " if spec.type in ("Resource", "ContainerResource") else ""
    if spec.type == "Resource" and target.averageValue is not None:
        return f"{label}{_shown(current, 'averageValue')}/{target.averageValue}"
    if spec.type in ("Resource", "ContainerResource") and target.averageValue is None:
        now = getattr(current, "averageUtilization", None)
        wanted = "<auto>" if target.averageUtilization is None else f"{target.averageUtilization}%"
        return f"{label}{_UNKNOWN if now is None else f'{now}%'}/{wanted}"
    if target.averageValue is not None:
        average = " (avg)" if spec.type in ("External", "Object") else ""
        return f"{label}{_shown(current, 'averageValue')}/{target.averageValue}{average}"
    return f"{label}{_shown(current, 'value')}/{target.value}"


def _shown(current: Any, name: str) -> str:
    return str(getattr(current, name, None) or _UNKNOWN)


def _autoscaler(obj: HorizontalPodAutoscaler | autoscaling_v1.HorizontalPodAutoscaler, now: datetime) -> Cells:
    if isinstance(obj, autoscaling_v1.HorizontalPodAutoscaler):
        used, wanted = obj.status.currentCPUUtilizationPercentage, obj.spec.targetCPUUtilizationPercentage
        metrics = [f"cpu: {_UNKNOWN if used is None else f'{used}%'}/{wanted}%"] if wanted is not None else []
        return _autoscaler_cells(obj, metrics, now)
    spec, status = obj.spec, obj.status
    current = dict(enumerate(status.currentMetrics))
    metrics = [_metric(one, current.get(position)) for position, one in enumerate(spec.metrics)]
    return _autoscaler_cells(obj, metrics, now)


def _autoscaler_cells(obj: Any, metrics: list[str], now: datetime) -> Cells:
    spec, status = obj.spec, obj.status
    shown = ", ".join(metrics[:2]) + (f" + {len(metrics) - 2} more..." if len(metrics) > 2 else "")
    return [
        obj.metadata.name,
        f"{spec.scaleTargetRef.kind}/{spec.scaleTargetRef.name}",
        shown or NONE,
        UNSET if spec.minReplicas is None else str(spec.minReplicas),
        spec.maxReplicas,
        status.currentReplicas or 0,
        age(obj, now),
    ]


AUTOSCALERS = Columns(
    (
        NAME,
        text("Reference", "What is scaled"),
        text("Targets", "Current and wanted value of each metric"),
        text("MinPods", "The fewest replicas"),
        text("MaxPods", "The most replicas"),
        text("Replicas", "How many there are"),
        AGE,
    ),
    _autoscaler,
)


def _budget(obj: PodDisruptionBudget, now: datetime) -> Cells:
    low, high = obj.spec.minAvailable, obj.spec.maxUnavailable
    return [
        obj.metadata.name,
        "N/A" if low is None else str(low),
        "N/A" if high is None else str(high),
        obj.status.disruptionsAllowed or 0,
        age(obj, now),
    ]


BUDGETS = Columns(
    (
        NAME,
        text("Min Available", "Pods that must stay available"),
        text("Max Unavailable", "Pods that may be unavailable"),
        number("Allowed Disruptions", "Pods that may be evicted now"),
        AGE,
    ),
    _budget,
)


# --- access -----------------------------------------------------------------------------------------------------


def _binding(obj: Any, now: datetime) -> Cells:
    users = ", ".join(one.name for one in obj.subjects if one.kind == "User")
    groups = ", ".join(one.name for one in obj.subjects if one.kind == "Group")
    accounts = ", ".join(f"{one.namespace}/{one.name}" for one in obj.subjects if one.kind == "ServiceAccount")
    return [obj.metadata.name, f"{obj.roleRef.kind}/{obj.roleRef.name}", age(obj, now), users, groups, accounts]


BINDINGS = Columns(
    (
        NAME,
        text("Role", "What it grants"),
        AGE,
        wide("Users", "Users that it is granted to"),
        wide("Groups", "Groups that it is granted to"),
        wide("ServiceAccounts", "ServiceAccounts that it is granted to"),
    ),
    _binding,
)


def _certificate_request(obj: CertificateSigningRequest, now: datetime) -> Cells:
    kinds = {one.type for one in obj.status.conditions}
    state: list[str] = [kind for kind in ("Approved", "Denied", "Failed") if kind in kinds]
    state = state[:1] or ["Pending"]
    if "Failed" in kinds and "Failed" not in state:
        state.append("Failed")
    if obj.status.certificate:
        state.append("Issued")
    seconds = obj.spec.expirationSeconds
    return [
        obj.metadata.name,
        age(obj, now),
        obj.spec.signerName or NONE,
        obj.spec.username,
        NONE if seconds is None else human_duration(seconds),
        ",".join(state),
    ]


CERTIFICATE_REQUESTS = Columns(
    (
        NAME,
        AGE,
        text("SignerName", "Who is asked"),
        text("Requestor", "Who asks"),
        text("RequestedDuration", "For how long"),
        text("Condition", "What became of it"),
    ),
    _certificate_request,
)


# --- limits -----------------------------------------------------------------------------------------------------


def _quota(obj: ResourceQuota, now: datetime) -> Cells:
    """Used and allowed amounts: requests and counts apart from limits."""
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(obj.status.hard):
        shown = f"{name}: {obj.status.used.get(name, '0')}/{obj.status.hard[name]}"
        (limits if name.startswith("limits") else requests).append(shown)
    return [obj.metadata.name, ", ".join(requests), ", ".join(limits), age(obj, now)]


QUOTAS = Columns(
    (NAME, text("Request", "Used and allowed requests and counts"), text("Limit", "Used and allowed limits"), AGE),
    _quota,
)
PRIORITY_CLASSES = Columns(
    (
        NAME,
        number("Value", "The priority"),
        flag("Global-Default", "Whether Pods have it that name none"),
        AGE,
        text("PreemptionPolicy", "Whether it makes others give way"),
    ),
    lambda obj, now: [
        obj.metadata.name,
        obj.value or 0,
        truth(obj.globalDefault),
        age(obj, now),
        obj.preemptionPolicy or UNSET,
    ],
)
RUNTIME_CLASSES = Columns(
    (NAME, text("Handler", "Configuration of the container runtime"), AGE),
    lambda obj, now: [obj.metadata.name, obj.handler, age(obj, now)],
)
LEASES = Columns(
    (NAME, text("Holder", "Who has the lease"), AGE),
    lambda obj, now: [obj.metadata.name, obj.spec.holderIdentity or "", age(obj, now)],
)


# --- API extensions ---------------------------------------------------------------------------------------------


def _api_service(obj: APIService, now: datetime) -> Cells:
    served = "Local" if obj.spec.service is None else f"{obj.spec.service.namespace}/{obj.spec.service.name}"
    found = condition(obj.status.conditions, "Available")
    available = "Unknown"
    if found is not None:
        available = found.status if found.status == "True" else f"{found.status} ({found.reason})"
    return [obj.metadata.name, served, available, age(obj, now)]


API_SERVICES = Columns(
    (NAME, text("Service", "Who serves it"), text("Available", "Whether it answers"), AGE), _api_service
)
WEBHOOKS = Columns(
    (NAME, number("Webhooks", "How many there are"), AGE),
    lambda obj, now: [obj.metadata.name, len(obj.webhooks), age(obj, now)],
)


def _kind(param: Any) -> str:
    return UNSET if param is None else f"{param.apiVersion}/{param.kind}"


VALIDATING_POLICIES = Columns(
    (
        NAME,
        number("Validations", "How many rules it has"),
        text("ParamKind", "Kind of its parameters"),
        AGE,
    ),
    lambda obj, now: [obj.metadata.name, len(obj.spec.validations), _kind(obj.spec.paramKind), age(obj, now)],
)
MUTATING_POLICIES = Columns(
    (NAME, number("Mutations", "How many changes it makes"), text("ParamKind", "Kind of its parameters"), AGE),
    lambda obj, now: [obj.metadata.name, len(obj.spec.mutations), _kind(obj.spec.paramKind), age(obj, now)],
)


def _policy_binding(obj: Any, now: datetime) -> Cells:
    ref = obj.spec.paramRef
    shown = UNSET
    if ref is not None:
        shown = "/".join(filter(None, (ref.namespace or "*", ref.name))) if ref.name else selector(ref.selector)
    return [obj.metadata.name, obj.spec.policyName, shown, age(obj, now)]


POLICY_BINDINGS = Columns(
    (NAME, text("PolicyName", "Which policy it applies"), text("ParamRef", "Its parameters"), AGE), _policy_binding
)


def _flow_schema(obj: Any, now: datetime) -> Cells:
    method = obj.spec.distinguisherMethod
    dangling = condition(obj.status.conditions, "Dangling")
    return [
        obj.metadata.name,
        obj.spec.priorityLevelConfiguration.name,
        obj.spec.matchingPrecedence or 0,
        NONE if method is None else method.type,
        age(obj, now),
        "?" if dangling is None else dangling.status,
    ]


FLOW_SCHEMAS = Columns(
    (
        NAME,
        text("PriorityLevel", "Which level its requests have"),
        number("MatchingPrecedence", "Which schema is asked first"),
        text("DistinguisherMethod", "How flows are told apart"),
        AGE,
        text("MissingPL", "Whether the level is missing"),
    ),
    _flow_schema,
)


def _priority_level(obj: Any, now: datetime) -> Cells:
    limited = obj.spec.limited
    queuing = None if limited is None or limited.limitResponse is None else limited.limitResponse.queuing
    shares: Any = NONE if limited is None else limited.nominalConcurrencyShares
    counts = [NONE] * 3 if queuing is None else [queuing.queues, queuing.handSize, queuing.queueLengthLimit]
    return [obj.metadata.name, obj.spec.type, shares, *counts, age(obj, now)]


PRIORITY_LEVELS = Columns(
    (
        NAME,
        text("Type", "Limited or Exempt"),
        text("NominalConcurrencyShares", "Its part of the requests that run at once"),
        text("Queues", "How many queues it has"),
        text("HandSize", "How many queues a flow uses"),
        text("QueueLengthLimit", "How many requests wait in a queue"),
        AGE,
    ),
    _priority_level,
)


def _claim_state(obj: Any, now: datetime) -> Cells:
    states = []
    if obj.metadata.deletionTimestamp is not None:
        states.append("deleted")
    if obj.status.allocation is None:
        states += [] if states else ["pending"]
    else:
        states.append("allocated")
        states += ["reserved"] if obj.status.reservedFor else []
    return [obj.metadata.name, ",".join(states), age(obj, now)]


RESOURCE_CLAIMS = Columns((NAME, text("State", "What became of it"), AGE), _claim_state)
RESOURCE_SLICES = Columns(
    (NAME, text("Node", "Where the devices are"), text("Driver", "Whose devices"), text("Pool", "Which pool"), AGE),
    lambda obj, now: [
        obj.metadata.name,
        obj.spec.nodeName or UNSET,
        obj.spec.driver,
        obj.spec.pool.name,
        age(obj, now),
    ],
)


def _component(obj: core_v1.ComponentStatus, _now: datetime) -> Cells:
    found = condition(obj.conditions, "Healthy")
    state = "Healthy" if found is not None and found.status == "True" else "Unhealthy"
    return [obj.metadata.name, state, getattr(found, "message", ""), getattr(found, "error", "")]


COMPONENTS = Columns(
    (NAME, text("Status", "Whether it is healthy"), text("Message", "What it says"), text("Error", "What is wrong")),
    _component,
)
