"""Which kind is shown with which columns. A kind that is missing here is shown by name and when it was created."""

from __future__ import annotations

from podium.registry.columns import core, metrics, networking, others, pods, storage, workloads
from podium.registry.columns.base import Columns

_ADMISSION = "admissionregistration.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
_NETWORK = "networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_STORAGE = "storage.k8s.io"

COLUMNS: dict[tuple[str, str], Columns] = {
    ("", "ComponentStatus"): others.COMPONENTS,
    ("", "ConfigMap"): core.CONFIG_MAPS,
    ("", "Endpoints"): core.ENDPOINTS,
    ("", "Event"): core.EVENTS,
    ("", "Namespace"): core.NAMESPACES,
    ("", "Node"): core.NODES,
    ("", "PersistentVolume"): storage.VOLUMES,
    ("", "PersistentVolumeClaim"): storage.CLAIMS,
    ("", "Pod"): pods.PODS,
    ("", "PodTemplate"): workloads.POD_TEMPLATES,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLERS,
    ("", "ResourceQuota"): others.QUOTAS,
    ("", "Secret"): core.SECRETS,
    ("", "Service"): core.SERVICES,
    ("", "ServiceAccount"): core.SERVICE_ACCOUNTS,
    (_ADMISSION, "MutatingAdmissionPolicy"): others.MUTATING_POLICIES,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): others.POLICY_BINDINGS,
    (_ADMISSION, "MutatingWebhookConfiguration"): others.WEBHOOKS,
    (_ADMISSION, "ValidatingAdmissionPolicy"): others.VALIDATING_POLICIES,
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): others.POLICY_BINDINGS,
    (_ADMISSION, "ValidatingWebhookConfiguration"): others.WEBHOOKS,
    ("apiregistration.k8s.io", "APIService"): others.API_SERVICES,
    ("apps", "ControllerRevision"): workloads.CONTROLLER_REVISIONS,
    ("apps", "DaemonSet"): workloads.DAEMON_SETS,
    ("apps", "Deployment"): workloads.DEPLOYMENTS,
    ("apps", "ReplicaSet"): workloads.REPLICA_SETS,
    ("apps", "StatefulSet"): workloads.STATEFUL_SETS,
    ("autoscaling", "HorizontalPodAutoscaler"): others.AUTOSCALERS,
    ("batch", "CronJob"): workloads.CRON_JOBS,
    ("batch", "Job"): workloads.JOBS,
    ("certificates.k8s.io", "CertificateSigningRequest"): others.CERTIFICATE_REQUESTS,
    ("coordination.k8s.io", "Lease"): others.LEASES,
    ("discovery.k8s.io", "EndpointSlice"): networking.ENDPOINT_SLICES,
    ("events.k8s.io", "Event"): core.NEW_EVENTS,
    (_FLOW, "FlowSchema"): others.FLOW_SCHEMAS,
    (_FLOW, "PriorityLevelConfiguration"): others.PRIORITY_LEVELS,
    (_NETWORK, "IPAddress"): networking.ADDRESSES,
    (_NETWORK, "Ingress"): networking.INGRESSES,
    (_NETWORK, "IngressClass"): networking.INGRESS_CLASSES,
    (_NETWORK, "NetworkPolicy"): networking.NETWORK_POLICIES,
    (_NETWORK, "ServiceCIDR"): networking.SERVICE_CIDRS,
    ("metrics.k8s.io", "NodeMetrics"): metrics.NODES,
    ("metrics.k8s.io", "PodMetrics"): metrics.PODS,
    ("node.k8s.io", "RuntimeClass"): others.RUNTIME_CLASSES,
    ("policy", "PodDisruptionBudget"): others.BUDGETS,
    (_RBAC, "ClusterRoleBinding"): others.BINDINGS,
    (_RBAC, "RoleBinding"): others.BINDINGS,
    ("resource.k8s.io", "ResourceClaim"): others.RESOURCE_CLAIMS,
    ("resource.k8s.io", "ResourceSlice"): others.RESOURCE_SLICES,
    ("scheduling.k8s.io", "PriorityClass"): others.PRIORITY_CLASSES,
    (_STORAGE, "CSIDriver"): storage.CSI_DRIVERS,
    (_STORAGE, "CSINode"): storage.CSI_NODES,
    (_STORAGE, "StorageClass"): storage.STORAGE_CLASSES,
    (_STORAGE, "VolumeAttachment"): storage.ATTACHMENTS,
    (_STORAGE, "VolumeAttributesClass"): storage.ATTRIBUTES_CLASSES,
}
"""By (group, kind)."""
