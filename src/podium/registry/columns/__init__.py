"""Which kind is shown with which columns. A kind that is missing here is shown by name and when it was created."""

from __future__ import annotations

from podium.registry.columns import core, pods, workloads
from podium.registry.columns.base import Columns

COLUMNS: dict[tuple[str, str], Columns] = {
    ("", "ConfigMap"): core.CONFIG_MAPS,
    ("", "Endpoints"): core.ENDPOINTS,
    ("", "Event"): core.EVENTS,
    ("", "Namespace"): core.NAMESPACES,
    ("", "Node"): core.NODES,
    ("", "Pod"): pods.PODS,
    ("", "PodTemplate"): workloads.POD_TEMPLATES,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLERS,
    ("", "Secret"): core.SECRETS,
    ("", "Service"): core.SERVICES,
    ("", "ServiceAccount"): core.SERVICE_ACCOUNTS,
    ("apps", "ControllerRevision"): workloads.CONTROLLER_REVISIONS,
    ("apps", "DaemonSet"): workloads.DAEMON_SETS,
    ("apps", "Deployment"): workloads.DEPLOYMENTS,
    ("apps", "ReplicaSet"): workloads.REPLICA_SETS,
    ("apps", "StatefulSet"): workloads.STATEFUL_SETS,
    ("batch", "CronJob"): workloads.CRON_JOBS,
    ("batch", "Job"): workloads.JOBS,
    ("events.k8s.io", "Event"): core.NEW_EVENTS,
}
"""By (group, kind)."""
