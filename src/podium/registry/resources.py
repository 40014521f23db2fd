"""The resource table: what the server does with each resource. One row a resource; custom resources add rows later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from podium.machinery import names
from podium.models import resources as types
from podium.models.resources import ResourceType
from podium.registry import conversion
from podium.registry.columns import COLUMNS
from podium.registry.columns.base import Columns
from podium.registry.strategies import STRATEGIES
from podium.registry.strategy import Strategy, keep_spec

Model = type[Any]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_CHANGE = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part or an action of an object with its own path. The kind is that of what is sent to it."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


@dataclass(frozen=True)
class Resource:
    """One row."""

    type: ResourceType
    strategy: Strategy = field(default_factory=Strategy)
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: dict[str, Subresource] = field(default_factory=dict)
    columns: Columns | None = None
    """None: name and age."""
    virtual: bool = False
    """Answered by the server without being stored, such as a SubjectAccessReview."""
    provided: bool = False
    """Of those: read from a provider, such as the metrics of nodes."""
    view: conversion.View | None = None
    """For a second version of a stored kind: how it is converted to what is stored, and back."""
    deprecated: str = ""
    """What whoever asks for it over the wire is warned of."""

    @cached_property
    def group(self) -> str:
        return self.type.group

    @cached_property
    def version(self) -> str:
        return self.type.version

    @cached_property
    def kind(self) -> str:
        return self.type.kind

    @cached_property
    def plural(self) -> str:
        return self.type.plural

    @cached_property
    def namespaced(self) -> bool:
        return self.type.namespaced

    @cached_property
    def api_version(self) -> str:
        return self.type.api_version

    @cached_property
    def group_resource(self) -> str:
        """As errors name it: "deployments.apps"."""
        return self.type.group_resource

    @cached_property
    def group_kind(self) -> str:
        """As validation errors name it: "Deployment.apps"."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @cached_property
    def model(self) -> Model:
        return self.type.model

    @cached_property
    def collection(self) -> str:
        """The group resource that objects are stored as."""
        return self.view.collection if self.view else self.group_resource


def _scale(group: str = "autoscaling") -> Subresource:
    return Subresource("scale", "Scale", _CHANGE, group, "v1")


_STREAM = ("create", "get")
_PROXY = ("create", "delete", "get", "patch", "update")

_SPECIAL: dict[tuple[str, str], tuple[Subresource, ...]] = {
    ("", "Pod"): (
        Subresource("attach", "PodAttachOptions", _STREAM),
        Subresource("binding", "Binding", ("create",)),
        Subresource("ephemeralcontainers", "Pod", _CHANGE),
        Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
        Subresource("exec", "PodExecOptions", _STREAM),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", _STREAM),
        Subresource("proxy", "PodProxyOptions", _PROXY),
        Subresource("resize", "Pod", _CHANGE),
    ),
    ("", "Namespace"): (Subresource("finalize", "Namespace", ("update",)),),
    ("", "Node"): (Subresource("proxy", "NodeProxyOptions", _PROXY),),
    ("", "Service"): (Subresource("proxy", "ServiceProxyOptions", _PROXY),),
    ("", "ServiceAccount"): (Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),),
    ("", "ReplicationController"): (_scale(),),
    ("apps", "Deployment"): (_scale(),),
    ("apps", "ReplicaSet"): (_scale(),),
    ("apps", "StatefulSet"): (_scale(),),
    ("certificates.k8s.io", "CertificateSigningRequest"): (
        Subresource("approval", "CertificateSigningRequest", _CHANGE),
    ),
}

_VERBS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "ComponentStatus"): ("get", "list"),
    ("metrics.k8s.io", "NodeMetrics"): ("get", "list"),
    ("metrics.k8s.io", "PodMetrics"): ("get", "list"),
    ("", "Namespace"): tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
}

_WITH_STATUS = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "Pod"),
        ("", "ReplicationController"),
        ("", "ResourceQuota"),
        ("", "Service"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("batch", "CronJob"),
        ("batch", "Job"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "ServiceCIDR"),
        ("policy", "PodDisruptionBudget"),
        ("resource.k8s.io", "ResourceClaim"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)
"""Kinds whose status is written apart from the rest."""

_NAMES: dict[tuple[str, str], Callable[[str], Sequence[str]]] = {
    ("", "Namespace"): names.dns_label,
    ("", "Service"): names.dns_label_1035,
    ("rbac.authorization.k8s.io", "ClusterRole"): names.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): names.path_segment,
    ("rbac.authorization.k8s.io", "Role"): names.path_segment,
    ("rbac.authorization.k8s.io", "RoleBinding"): names.path_segment,
}
"""Kinds whose names are not DNS subdomains, where their strategy says nothing."""

_DEPRECATED: dict[tuple[str, str], str] = {
    ("", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "Endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}

_PROVIDED_GROUPS = ("metrics.k8s.io",)
_VIRTUAL_GROUPS = ("authentication.k8s.io", "authorization.k8s.io", *_PROVIDED_GROUPS)


def row(kind: ResourceType) -> Resource:
    """The row of a built-in resource."""
    key = (kind.group, kind.kind)
    virtual = kind.group in _VIRTUAL_GROUPS or key == ("", "ComponentStatus")
    view = conversion.VIEWS.get((kind.group, kind.version, kind.kind))
    strategy = STRATEGIES.get(key, Strategy())
    if strategy.prepare_status_update is None and key in _WITH_STATUS:
        strategy = replace(strategy, prepare_status_update=keep_spec)
    if strategy.name_errors is None and key in _NAMES:
        strategy = replace(strategy, name_errors=_NAMES[key])
    special = _SPECIAL.get(key, ())
    if strategy.prepare_status_update is not None:
        special = tuple(sorted((*special, Subresource("status", kind.kind, _CHANGE)), key=lambda sub: sub.name))
    return Resource(
        type=kind,
        strategy=strategy,
        verbs=_VERBS.get(key, ("create",) if virtual else ALL_VERBS),
        subresources={subresource.name: subresource for subresource in special},
        columns=COLUMNS.get(key),
        virtual=virtual,
        provided=kind.group in _PROVIDED_GROUPS,
        view=view,
        deprecated=_DEPRECATED.get(key, ""),
    )


def built_in(kinds: Iterable[ResourceType] = types.BUILT_IN) -> list[Resource]:
    return [row(kind) for kind in kinds]


Finder = Callable[[str, str, str], Resource | None]
"""(group, version, plural) -> row."""
