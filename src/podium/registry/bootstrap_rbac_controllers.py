"""What each controller may do: the roles system:controller:..., bound to ServiceAccounts of those names in kube-system.

Controllers that run in this process need none of them; whoever runs one elsewhere, or asks who may do what, finds what
Kubernetes has. Rows as in bootstrap_rbac.py. A controller that Podium doesn't have has no row.
"""

from __future__ import annotations

from collections.abc import Sequence

_READ = "get list watch"
_FOLLOW = "list watch"
_EVENTS = ("core events.k8s.io", "events", "create patch update")
_APPS = "apps extensions"
"""Workloads, under the name of their first group, too."""
_OWN_PODS = ("core", "pods", f"create delete patch {_FOLLOW}")
_REVISIONS = f"create delete patch update {_READ}"

ROLES: dict[str, Sequence[tuple[str, str, str]]] = {
    "clusterrole-aggregation-controller": (
        ("rbac.authorization.k8s.io", "clusterroles", f"escalate patch update {_READ}"),
    ),
    "cronjob-controller": (
        ("batch", "cronjobs", f"update {_READ}"),
        ("batch", "jobs", f"create delete patch update {_READ}"),
        ("batch", "cronjobs/status", "update"),
        ("batch", "cronjobs/finalizers", "update"),
        ("core", "pods", f"delete {_FOLLOW}"),
        _EVENTS,
    ),
    "daemon-set-controller": (
        (_APPS, "daemonsets", _READ),
        (_APPS, "daemonsets/status", "update"),
        (_APPS, "daemonsets/finalizers", "update"),
        ("core", "nodes", _FOLLOW),
        _OWN_PODS,
        ("core", "pods/binding", "create"),
        ("apps", "controllerrevisions", _REVISIONS),
        _EVENTS,
    ),
    "deployment-controller": (
        (_APPS, "deployments", f"update {_READ}"),
        (_APPS, "deployments/status", "update"),
        (_APPS, "deployments/finalizers", "update"),
        (_APPS, "replicasets", f"create delete patch update {_READ}"),
        ("core", "pods", f"update {_READ}"),
        _EVENTS,
    ),
    "disruption-controller": (
        (_APPS, "deployments", _READ),
        (_APPS, "replicasets", _READ),
        ("core", "replicationcontrollers", _READ),
        ("policy", "poddisruptionbudgets", _READ),
        ("apps", "statefulsets", _READ),
        ("policy", "poddisruptionbudgets/status", "update"),
        ("core", "pods/status", "patch update"),
        ("*", "*/scale", "get"),
        _EVENTS,
    ),
    "endpoint-controller": (
        ("core", "pods services", _READ),
        ("core", "endpoints", f"create delete update {_READ}"),
        ("core", "endpoints/restricted", "create"),
        _EVENTS,
    ),
    "endpointslice-controller": (
        ("core", "nodes pods services", _READ),
        ("core", "services/finalizers", "update"),
        ("discovery.k8s.io", "endpointslices", f"create delete update {_READ}"),
        _EVENTS,
    ),
    "endpointslicemirroring-controller": (
        ("core", "endpoints services", _READ),
        ("core", "services/finalizers", "update"),
        ("core", "endpoints/finalizers", "update"),
        ("discovery.k8s.io", "endpointslices", f"create delete update {_READ}"),
        _EVENTS,
    ),
    "ephemeral-volume-controller": (
        ("core", "pods", _READ),
        ("core", "pods/finalizers", "update"),
        ("core", "persistentvolumeclaims", f"create {_READ}"),
        _EVENTS,
    ),
    "generic-garbage-collector": (("*", "*", f"delete patch update {_READ}"), _EVENTS),
    "horizontal-pod-autoscaler": (
        ("autoscaling", "horizontalpodautoscalers", _READ),
        ("autoscaling", "horizontalpodautoscalers/status", "update"),
        ("*", "*/scale", "get update"),
        ("core", "pods", _FOLLOW),
        ("metrics.k8s.io", "pods", _FOLLOW),
        ("custom.metrics.k8s.io", "*", _READ),
        ("external.metrics.k8s.io", "*", _READ),
        _EVENTS,
    ),
    "job-controller": (
        ("batch", "jobs", f"patch update {_READ}"),
        ("batch", "jobs/status", "update"),
        ("batch", "jobs/finalizers", "update"),
        _OWN_PODS,
        _EVENTS,
    ),
    "namespace-controller": (
        ("core", "namespaces", f"delete {_READ}"),
        ("core", "namespaces/finalize namespaces/status", "update"),
        ("*", "*", f"delete deletecollection {_READ}"),
    ),
    "node-controller": (
        ("core", "nodes", f"delete patch update {_READ}"),
        ("core", "nodes/status", "patch update"),
        ("core", "pods/status", "patch update"),
        ("core", "pods", f"delete {_READ}"),
        _EVENTS,
    ),
    "persistent-volume-binder": (
        ("core", "persistentvolumes", f"create delete update {_READ}"),
        ("core", "persistentvolumes/status", "update"),
        ("core", "persistentvolumeclaims", f"update {_READ}"),
        ("core", "persistentvolumeclaims/status", "update"),
        ("core", "pods", f"create delete {_READ}"),
        ("storage.k8s.io", "storageclasses", _READ),
        ("core", "nodes", _FOLLOW),
        _EVENTS,
        ("core", "events", "watch"),
        ("core", "services", "get"),
    ),
    "pod-garbage-collector": (
        ("core", "pods", f"delete {_FOLLOW}"),
        ("core", "nodes", _READ),
        ("core", "pods/status", "patch"),
    ),
    "pv-protection-controller": (("core", "persistentvolumes", f"update {_READ}"), _EVENTS),
    "pvc-protection-controller": (
        ("core", "persistentvolumeclaims", f"update {_READ}"),
        ("core", "pods", _READ),
        _EVENTS,
    ),
    "replicaset-controller": (
        (_APPS, "replicasets", f"update {_READ}"),
        (_APPS, "replicasets/status", "update"),
        (_APPS, "replicasets/finalizers", "update"),
        _OWN_PODS,
        _EVENTS,
    ),
    "replication-controller": (
        ("core", "replicationcontrollers", f"update {_READ}"),
        ("core", "replicationcontrollers/status", "update"),
        ("core", "replicationcontrollers/finalizers", "update"),
        _OWN_PODS,
        _EVENTS,
    ),
    "resourcequota-controller": (("*", "*", _FOLLOW), ("core", "resourcequotas/status", "update"), _EVENTS),
    "root-ca-cert-publisher": (("core", "configmaps", "create update"), _EVENTS),
    "service-account-controller": (("core", "serviceaccounts", "create"), _EVENTS),
    "statefulset-controller": (
        ("core", "pods", _FOLLOW),
        ("apps", "statefulsets", _READ),
        ("apps", "statefulsets/status", "update"),
        ("apps", "statefulsets/finalizers", "update"),
        ("core", "pods", "create delete get patch update"),
        ("apps", "controllerrevisions", _REVISIONS),
        ("core", "persistentvolumeclaims", f"create {_READ}"),
        ("core", "persistentvolumeclaims", "delete update"),
        ("core", "pods/finalizers", "update"),
        _EVENTS,
    ),
    "ttl-after-finished-controller": (("batch", "jobs", f"delete {_READ}"), _EVENTS),
}
