"""The roles and bindings that every cluster begins with (Kubernetes documentation, "Using RBAC Authorization").

A row is `(api groups, resources, verbs)`, each a string of words, and a name if it is about one object only; "core"
stands for the core group. The roles of controllers are in bootstrap_rbac_controllers.py, what becomes of those of an
older server in bootstrap_rbac_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from podium.models.meta_v1 import LabelSelector, ObjectMeta
from podium.models.rbac_v1 import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from podium.registry import bootstrap_rbac_controllers

_GROUP = "rbac.authorization.k8s.io"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"

_READ = "get list watch"
_WRITE = "create delete deletecollection patch update"
_EVENTS = ("core events.k8s.io", "events", "create patch update")
_WORKLOADS = "daemonsets deployments replicasets statefulsets"
_SCALES = "deployments/scale replicasets/scale statefulsets/scale"

_Row = tuple[str, str, str] | tuple[str, str, str, str]

_METRICS: _Row = ("metrics.k8s.io", "nodes pods", _READ)
"""What metrics-server brings along where it is installed."""
_ADMIN: Sequence[_Row] = (
    ("authorization.k8s.io", "localsubjectaccessreviews", "create"),
    (_GROUP, "rolebindings roles", f"{_READ} {_WRITE}"),
)
_EDIT: Sequence[_Row] = (
    ("core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", _READ),
    ("core", "serviceaccounts", "impersonate"),
    ("core", "pods pods/attach pods/exec pods/portforward pods/proxy", _WRITE),
    ("core", "pods/eviction", "create"),
    (
        "core",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
        _WRITE,
    ),
    ("core", "serviceaccounts/token", "create"),
    ("apps", f"{_WORKLOADS} {_SCALES}", _WRITE),
    ("autoscaling", "horizontalpodautoscalers", _WRITE),
    ("batch", "cronjobs jobs", _WRITE),
    ("policy", "poddisruptionbudgets", _WRITE),
    ("networking.k8s.io", "ingresses networkpolicies", _WRITE),
    ("coordination.k8s.io", "leases", f"{_READ} {_WRITE}"),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates", _WRITE),
)
_VIEW: Sequence[_Row] = (
    (
        "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status",
        _READ,
    ),
    (
        "core",
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
        "resourcequotas resourcequotas/status",
        _READ,
    ),
    ("core", "namespaces", _READ),
    ("discovery.k8s.io", "endpointslices", _READ),
    (
        "apps",
        f"controllerrevisions {_WORKLOADS} {_SCALES} daemonsets/status deployments/status replicasets/status "
        "statefulsets/status",
        _READ,
    ),
    ("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", _READ),
    ("batch", "cronjobs cronjobs/status jobs jobs/status", _READ),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status", _READ),
    ("networking.k8s.io", "ingresses ingresses/status networkpolicies", _READ),
    ("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates", _READ),
)
_SCHEDULER: Sequence[_Row] = (
    _EVENTS,
    ("coordination.k8s.io", "leases", "create"),
    ("coordination.k8s.io", "leases", f"update {_READ}", "kube-scheduler"),
    ("core", "nodes namespaces replicationcontrollers services persistentvolumeclaims persistentvolumes", _READ),
    ("core", "pods", f"delete {_READ}"),
    ("core", "bindings pods/binding", "create"),
    ("core", "pods/status", "patch update"),
    ("apps", "replicasets statefulsets", _READ),
    ("policy", "poddisruptionbudgets", _READ),
    ("storage.k8s.io", "csinodes csidrivers csistoragecapacities storageclasses volumeattachments", _READ),
    ("resource.k8s.io", "deviceclasses resourceslices", _READ),
    ("resource.k8s.io", "resourceclaims resourceclaims/status", f"patch update {_READ}"),
    ("core", "pods/finalizers", f"patch update {_READ}"),
    ("authentication.k8s.io", "tokenreviews", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "create"),
)
_NODE: Sequence[_Row] = (
    ("authentication.k8s.io", "tokenreviews", "create"),
    ("authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews", "create"),
    ("core", "services configmaps secrets", _READ),
    ("core", "nodes", f"create patch update {_READ}"),
    ("core", "nodes/status pods/status", "patch update"),
    _EVENTS,
    ("core", "pods", f"create delete {_READ}"),
    ("core", "pods/eviction serviceaccounts/token", "create"),
    ("core", "persistentvolumeclaims persistentvolumes endpoints", "get"),
    ("core", "persistentvolumeclaims/status", "get patch update"),
    ("certificates.k8s.io", "certificatesigningrequests", f"create {_READ}"),
    ("coordination.k8s.io", "leases", "create delete get patch update"),
    ("storage.k8s.io", "volumeattachments", "get"),
    ("storage.k8s.io", "csidrivers", _READ),
    ("storage.k8s.io", "csinodes", "create delete get patch update"),
    ("node.k8s.io", "runtimeclasses", _READ),
    ("resource.k8s.io", "resourceclaims", "get"),
    ("resource.k8s.io", "resourceslices", f"{_READ} create delete deletecollection patch update"),
)
_CONTROLLER_MANAGER: Sequence[_Row] = (
    _EVENTS,
    ("coordination.k8s.io", "leases", "create"),
    ("coordination.k8s.io", "leases", "get update", "kube-controller-manager"),
    ("core", "secrets serviceaccounts", "create get update"),
    ("core", "secrets", "delete"),
    ("core", "configmaps namespaces", "get"),
    ("core", "serviceaccounts/token", "create"),
    ("authentication.k8s.io", "tokenreviews", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "create"),
    ("*", "*", "list watch"),
)

_ROLES: dict[str, Sequence[_Row]] = {
    "cluster-admin": (("*", "*", "*"),),
    "system:auth-delegator": (
        ("authentication.k8s.io", "tokenreviews", "create"),
        ("authorization.k8s.io", "subjectaccessreviews", "create"),
    ),
    "system:basic-user": (
        ("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"),
        ("authentication.k8s.io", "selfsubjectreviews", "create"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": (
        ("certificates.k8s.io", "certificatesigningrequests/nodeclient", "create"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        ("certificates.k8s.io", "certificatesigningrequests/selfnodeclient", "create"),
    ),
    **{
        f"system:certificates.k8s.io:{signer}-approver": (
            ("certificates.k8s.io", "signers", "approve", f"kubernetes.io/{signer}"),
        )
        for signer in ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown")
    },
    "system:heapster": (("core", "events namespaces nodes pods", _READ), ("apps", "deployments", _READ)),
    "system:kube-aggregator": (("core", "endpoints services", _READ),),
    "system:kube-controller-manager": _CONTROLLER_MANAGER,
    "system:kube-dns": (("core", "endpoints services", "list watch"),),
    "system:kube-scheduler": _SCHEDULER,
    "system:kubelet-api-admin": (
        ("core", "nodes", f"{_READ} proxy"),
        ("core", "nodes/log nodes/metrics nodes/proxy nodes/stats", "*"),
        ("core", "nodes/configz nodes/healthz nodes/pods", "*"),
    ),
    "system:node": _NODE,
    "system:node-bootstrapper": (("certificates.k8s.io", "certificatesigningrequests", f"create {_READ}"),),
    "system:node-problem-detector": (("core", "nodes", "get"), ("core", "nodes/status", "patch"), _EVENTS),
    "system:node-proxier": (
        ("core", "endpoints services", "list watch"),
        ("core", "nodes", _READ),
        _EVENTS,
        ("discovery.k8s.io", "endpointslices", "list watch"),
        ("networking.k8s.io", "servicecidrs", "list watch"),
    ),
    "system:persistent-volume-provisioner": (
        ("core", "persistentvolumes", f"create delete {_READ}"),
        ("core", "persistentvolumeclaims", f"update {_READ}"),
        ("storage.k8s.io", "storageclasses", _READ),
        ("core", "events", "watch"),
        _EVENTS,
    ),
    "system:volume-scheduler": (
        ("core", "persistentvolumes persistentvolumeclaims", f"{_READ} patch update"),
        ("storage.k8s.io", "storageclasses", _READ),
    ),
}

_HEALTH = "/healthz /livez /readyz /version /version/"
_PATHS: dict[str, str] = {
    "cluster-admin": "*",
    "system:discovery": f"/api /api/* /apis /apis/* /openapi /openapi/* {_HEALTH}",
    "system:monitoring": "/healthz /healthz/* /livez /livez/* /readyz /readyz/* /metrics /metrics/slis",
    "system:public-info-viewer": _HEALTH,
    "system:service-account-issuer-discovery": (
        "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/"
    ),
}

_AGGREGATED: dict[str, tuple[Sequence[_Row], str]] = {
    "admin": ((*_ADMIN, *_EDIT, *_VIEW, _METRICS), ""),
    "edit": ((*_EDIT, *_VIEW, _METRICS), "admin"),
    "view": ((*_VIEW, _METRICS), "edit"),
}


def cluster_roles() -> list[ClusterRole]:
    roles = [
        _cluster_role(name, [*_resource_rules(_ROLES.get(name, ())), *_path_rules(_PATHS.get(name, ""))])
        for name in sorted(_ROLES.keys() | _PATHS.keys())
    ]
    for name, (rows, into) in _AGGREGATED.items():
        role = _cluster_role(name, _resource_rules(rows), into)
        role.aggregationRule = AggregationRule(
            clusterRoleSelectors=(LabelSelector(matchLabels={f"{_AGGREGATE}{name}": "true"}),)
        )
        roles.append(role)
    for name, rows in (("admin", _ADMIN), ("edit", _EDIT), ("view", _VIEW)):
        roles.append(_cluster_role(f"system:aggregate-to-{name}", _resource_rules(rows), name))
    roles.append(_cluster_role("system:aggregated-metrics-reader", _resource_rules((_METRICS,)), "view"))
    for name, rows in bootstrap_rbac_controllers.ROLES.items():
        roles.append(_cluster_role(f"system:controller:{name}", _resource_rules(rows)))
    return roles


def cluster_role_bindings() -> list[ClusterRoleBinding]:
    bindings = [
        _cluster_binding("cluster-admin", _groups("system:masters")),
        _cluster_binding("system:basic-user", _groups("system:authenticated")),
        _cluster_binding("system:discovery", _groups("system:authenticated")),
        _cluster_binding("system:monitoring", _groups("system:monitoring")),
        _cluster_binding("system:node", _groups("system:nodes")),
        _cluster_binding("system:public-info-viewer", _groups("system:authenticated", "system:unauthenticated")),
        _cluster_binding("system:service-account-issuer-discovery", _groups("system:serviceaccounts")),
    ]
    for component in ("kube-controller-manager", "kube-scheduler"):
        bindings.append(_cluster_binding(f"system:{component}", _users(f"system:{component}")))
    bindings.append(_cluster_binding("system:volume-scheduler", _users("system:kube-scheduler")))
    bindings.append(_cluster_binding("system:node-proxier", _users("system:kube-proxy")))
    bindings.append(_cluster_binding("system:kube-dns", (_service_account("kube-dns"),)))
    for name in bootstrap_rbac_controllers.ROLES:
        bindings.append(_cluster_binding(f"system:controller:{name}", (_service_account(name),)))
    return bindings


def objects() -> Iterator[Any]:
    """Everything, roles before what refers to them."""
    yield from cluster_roles()
    yield from cluster_role_bindings()
    reader = "extension-apiserver-authentication-reader"
    yield _role(reader, (("core", "configmaps", _READ, "extension-apiserver-authentication"),))
    yield _binding(f"system::{reader}", reader, _users("system:kube-controller-manager", "system:kube-scheduler"))
    for component, *others in (("kube-controller-manager", "leader-election-controller"), ("kube-scheduler",)):
        name = f"system::leader-locking-{component}"
        yield _role(name, (("coordination.k8s.io", "leasecandidates leases", f"create update {_READ}"),))
        accounts = (_service_account(account) for account in (component, *others))
        yield _binding(name, name, (*_users(f"system:{component}"), *accounts))


def _metadata(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> ObjectMeta:
    return ObjectMeta(
        name=name, namespace=namespace, labels={**_LABELS, **(labels or {})}, annotations=dict(_ANNOTATIONS)
    )


def _cluster_role(name: str, rules: Sequence[PolicyRule], into: str = "") -> ClusterRole:
    labels = {f"{_AGGREGATE}{into}": "true"} if into else None
    return ClusterRole(metadata=_metadata(name, labels=labels), rules=tuple(rules))


def _role(name: str, rows: Sequence[_Row]) -> Role:
    return Role(metadata=_metadata(name, "kube-system"), rules=tuple(_resource_rules(rows)))


def _binding(name: str, role: str, subjects: Sequence[Subject]) -> RoleBinding:
    return RoleBinding(
        metadata=_metadata(name, "kube-system"),
        roleRef=RoleRef(kind="Role", apiGroup=_GROUP, name=role),
        subjects=tuple(subjects),
    )


def _resource_rules(rows: Sequence[_Row]) -> list[PolicyRule]:
    return [
        PolicyRule(
            apiGroups=tuple("" if group == "core" else group for group in groups.split()),
            resources=tuple(resources.split()),
            resourceNames=tuple(names),
            verbs=tuple(sorted(verbs.split())),
        )
        for groups, resources, verbs, *names in rows
    ]


def _path_rules(paths: str) -> list[PolicyRule]:
    if not paths:
        return []
    return [PolicyRule(nonResourceURLs=tuple(paths.split()), verbs=("*",) if paths == "*" else ("get",))]


def _cluster_binding(role: str, subjects: Sequence[Subject]) -> ClusterRoleBinding:
    return ClusterRoleBinding(
        metadata=_metadata(role),
        roleRef=RoleRef(kind="ClusterRole", apiGroup=_GROUP, name=role),
        subjects=tuple(subjects),
    )


def _groups(*names: str) -> tuple[Subject, ...]:
    return tuple(Subject(kind="Group", apiGroup=_GROUP, name=name) for name in names)


def _users(*names: str) -> tuple[Subject, ...]:
    return tuple(Subject(kind="User", apiGroup=_GROUP, name=name) for name in names)


def _service_account(name: str) -> Subject:
    return Subject(kind="ServiceAccount", name=name, namespace="kube-system")
