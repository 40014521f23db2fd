"""Which resources Kubernetes v1.36 has: the names that tie a kind to its place in the API.

One row a resource: the facts of the public API reference that the schemas don't carry. What the server does with a
resource (verbs, strategy, columns) is the registry's table; clients need only this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

_MODULES = {
    "": "core",
    "apps": "apps",
    "batch": "batch",
    "autoscaling": "autoscaling",
    "policy": "policy",
    "admissionregistration.k8s.io": "admissionregistration",
    "apiextensions.k8s.io": "apiextensions",
    "apiregistration.k8s.io": "apiregistration",
    "authentication.k8s.io": "authentication",
    "authorization.k8s.io": "authorization",
    "certificates.k8s.io": "certificates",
    "coordination.k8s.io": "coordination",
    "discovery.k8s.io": "discovery",
    "events.k8s.io": "events",
    "flowcontrol.apiserver.k8s.io": "flowcontrol",
    "metrics.k8s.io": "metrics",
    "networking.k8s.io": "networking",
    "node.k8s.io": "node",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "resource",
    "scheduling.k8s.io": "scheduling",
    "storage.k8s.io": "storage",
}


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource of one group version, e.g. apps/v1 deployments."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """As errors name it: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def base_path(self) -> str:
        """Where the group version is served: "/api/v1", "/apis/apps/v1"."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of an object, or of its subresource."""
        parts = [self.base_path]
        if namespace and self.namespaced:
            parts.append(f"namespaces/{namespace}")
        parts += filter(None, (self.plural, name, subresource))
        return "/".join(parts)

    @property
    def model(self) -> type[Any]:
        """The generated struct; imported when first asked for, since most runs use few groups."""
        return _model(self.group, self.version, self.kind)


@cache
def _model(group: str, version: str, kind: str) -> type[Any]:
    module = import_module(f"podium.models.{_MODULES[group]}_{version}")
    found: type[Any] = getattr(module, kind)
    return found


def _rows(group: str, version: str, *rows: tuple[Any, ...]) -> list[ResourceType]:
    return [ResourceType(group, version, *row) for row in rows]


BUILT_IN: tuple[ResourceType, ...] = tuple(
    _rows(
        "",
        "v1",
        ("ComponentStatus", "componentstatuses", False, ("cs",)),
        ("ConfigMap", "configmaps", True, ("cm",)),
        ("Endpoints", "endpoints", True, ("ep",)),
        ("Event", "events", True, ("ev",)),
        ("LimitRange", "limitranges", True, ("limits",)),
        ("Namespace", "namespaces", False, ("ns",)),
        ("Node", "nodes", False, ("no",)),
        ("PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",)),
        ("PersistentVolume", "persistentvolumes", False, ("pv",)),
        ("Pod", "pods", True, ("po",), ("all",)),
        ("PodTemplate", "podtemplates", True),
        ("ReplicationController", "replicationcontrollers", True, ("rc",), ("all",)),
        ("ResourceQuota", "resourcequotas", True, ("quota",)),
        ("Secret", "secrets", True),
        ("ServiceAccount", "serviceaccounts", True, ("sa",)),
        ("Service", "services", True, ("svc",), ("all",)),
    )
    + _rows(
        "apps",
        "v1",
        ("ControllerRevision", "controllerrevisions", True),
        ("DaemonSet", "daemonsets", True, ("ds",), ("all",)),
        ("Deployment", "deployments", True, ("deploy",), ("all",)),
        ("ReplicaSet", "replicasets", True, ("rs",), ("all",)),
        ("StatefulSet", "statefulsets", True, ("sts",), ("all",)),
    )
    + _rows("batch", "v1", ("CronJob", "cronjobs", True, ("cj",), ("all",)), ("Job", "jobs", True, (), ("all",)))
    + _rows(
        "autoscaling",
        "v2",
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), ("all",)),
    )
    + _rows(
        "autoscaling",
        "v1",
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), ("all",)),
    )
    + _rows("policy", "v1", ("PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",)))
    + _rows(
        "admissionregistration.k8s.io",
        "v1",
        ("MutatingAdmissionPolicy", "mutatingadmissionpolicies", False, (), ("api-extensions",)),
        ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", False, (), ("api-extensions",)),
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, (), ("api-extensions",)),
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, (), ("api-extensions",)),
        (
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            False,
            (),
            ("api-extensions",),
        ),
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, (), ("api-extensions",)),
    )
    + _rows(
        "apiextensions.k8s.io",
        "v1",
        (
            "CustomResourceDefinition",
            "customresourcedefinitions",
            False,
            ("crd", "crds"),
            ("api-extensions",),
        ),
    )
    + _rows("apiregistration.k8s.io", "v1", ("APIService", "apiservices", False, (), ("api-extensions",)))
    + _rows(
        "authentication.k8s.io",
        "v1",
        ("SelfSubjectReview", "selfsubjectreviews", False),
        ("TokenReview", "tokenreviews", False),
    )
    + _rows(
        "authorization.k8s.io",
        "v1",
        ("LocalSubjectAccessReview", "localsubjectaccessreviews", True),
        ("SelfSubjectAccessReview", "selfsubjectaccessreviews", False),
        ("SelfSubjectRulesReview", "selfsubjectrulesreviews", False),
        ("SubjectAccessReview", "subjectaccessreviews", False),
    )
    + _rows(
        "certificates.k8s.io",
        "v1",
        ("CertificateSigningRequest", "certificatesigningrequests", False, ("csr",)),
    )
    + _rows("coordination.k8s.io", "v1", ("Lease", "leases", True))
    + _rows("discovery.k8s.io", "v1", ("EndpointSlice", "endpointslices", True))
    + _rows("events.k8s.io", "v1", ("Event", "events", True, ("ev",)))
    + _rows(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        ("FlowSchema", "flowschemas", False),
        ("PriorityLevelConfiguration", "prioritylevelconfigurations", False),
    )
    + _rows(
        "networking.k8s.io",
        "v1",
        ("IngressClass", "ingressclasses", False),
        ("Ingress", "ingresses", True, ("ing",)),
        ("IPAddress", "ipaddresses", False, ("ip",)),
        ("NetworkPolicy", "networkpolicies", True, ("netpol",)),
        ("ServiceCIDR", "servicecidrs", False),
    )
    + _rows("node.k8s.io", "v1", ("RuntimeClass", "runtimeclasses", False))
    + _rows(
        "rbac.authorization.k8s.io",
        "v1",
        ("ClusterRoleBinding", "clusterrolebindings", False),
        ("ClusterRole", "clusterroles", False),
        ("RoleBinding", "rolebindings", True),
        ("Role", "roles", True),
    )
    + _rows(
        "resource.k8s.io",
        "v1",
        ("DeviceClass", "deviceclasses", False),
        ("ResourceClaim", "resourceclaims", True),
        ("ResourceClaimTemplate", "resourceclaimtemplates", True),
        ("ResourceSlice", "resourceslices", False),
    )
    + _rows("scheduling.k8s.io", "v1", ("PriorityClass", "priorityclasses", False, ("pc",)))
    + _rows(
        "storage.k8s.io",
        "v1",
        ("CSIDriver", "csidrivers", False),
        ("CSINode", "csinodes", False),
        ("CSIStorageCapacity", "csistoragecapacities", True),
        ("StorageClass", "storageclasses", False, ("sc",)),
        ("VolumeAttachment", "volumeattachments", False),
        ("VolumeAttributesClass", "volumeattributesclasses", False, ("vac",)),
    )
)

METRICS: tuple[ResourceType, ...] = tuple(
    _rows("metrics.k8s.io", "v1beta1", ("NodeMetrics", "nodes", False), ("PodMetrics", "pods", True))
)
"""What Kubernetes leaves to an add-on."""

_BY_KIND = {(row.api_version, row.kind): row for row in (*BUILT_IN, *METRICS)}
_BY_MODULE = {(f"podium.models.{_MODULES[row.group]}_{row.version}", row.kind): row for row in (*BUILT_IN, *METRICS)}


def by_kind(api_version: str, kind: str) -> ResourceType | None:
    return _BY_KIND.get((api_version, kind))


def of(model: type[Any]) -> ResourceType:
    """The resource that a generated struct is the kind of; KeyError for a type that is no resource."""
    return _BY_MODULE[model.__module__, model.__name__]
