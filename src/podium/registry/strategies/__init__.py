"""Which kind has which rules: the table of strategies. A kind that is missing here has no rules of its own."""

from __future__ import annotations

from podium.registry.strategies import (
    config_map,
    deployment,
    event,
    namespace,
    node,
    persistent_volume_claim,
    pod,
    pod_template,
    replica_set,
    service,
    service_account,
)
from podium.registry.strategy import Strategy

STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("", "ConfigMap"): config_map.STRATEGY,
    ("", "Event"): event.STRATEGY,
    ("", "Namespace"): namespace.STRATEGY,
    ("", "Node"): node.STRATEGY,
    ("", "PersistentVolumeClaim"): persistent_volume_claim.STRATEGY,
    ("", "Pod"): pod.STRATEGY,
    ("", "PodTemplate"): pod_template.STRATEGY,
    ("", "ReplicationController"): replica_set.CONTROLLER_STRATEGY,
    ("", "Secret"): config_map.SECRET_STRATEGY,
    ("", "Service"): service.STRATEGY,
    ("", "ServiceAccount"): service_account.STRATEGY,
    ("apps", "Deployment"): deployment.STRATEGY,
    ("apps", "ReplicaSet"): replica_set.STRATEGY,
    ("coordination.k8s.io", "Lease"): service_account.LEASE_STRATEGY,
    ("events.k8s.io", "Event"): event.EVENTS_STRATEGY,
}
"""By (group, kind)."""
