"""The admission plugins that every server runs, in Kubernetes' order."""

from __future__ import annotations

from podium.registry.admission.certificate_requests import ConditionTimes, Requestor
from podium.registry.admission.chain import Plugin
from podium.registry.admission.claim_resize import ClaimResize
from podium.registry.admission.default_ingress_class import DefaultIngressClass
from podium.registry.admission.default_storage_class import DefaultStorageClass
from podium.registry.admission.default_tolerations import DefaultTolerations
from podium.registry.admission.endpoint_addresses import EndpointAddresses
from podium.registry.admission.limit_ranger import LimitRanger
from podium.registry.admission.namespace_lifecycle import NamespaceLifecycle
from podium.registry.admission.node_taint import NewNodeTaint
from podium.registry.admission.priority import OneDefaultPriority, PodPriority, SystemPriorities
from podium.registry.admission.resource_quota import ResourceQuotas
from podium.registry.admission.runtime_class import RuntimeClasses
from podium.registry.admission.service_account import ServiceAccounts
from podium.registry.admission.storage_protection import StorageProtection


def default() -> tuple[Plugin, ...]:
    return (
        NamespaceLifecycle(),
        LimitRanger(),
        ServiceAccounts(),
        NewNodeTaint(),
        PodPriority(),
        OneDefaultPriority(),
        SystemPriorities(),
        DefaultTolerations(),
        DefaultStorageClass(),
        StorageProtection(),
        ClaimResize(),
        RuntimeClasses(),
        Requestor(),
        ConditionTimes(),
        DefaultIngressClass(),
        EndpointAddresses(),
        ResourceQuotas(),
    )
