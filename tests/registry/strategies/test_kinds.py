"""The other kinds: a good object of each, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec, resources
from podium.registry.strategies import STRATEGIES

from .rules import REMOVED, changed, created, defaulted, errors, strategy, update_errors


def thing(api_version: str, kind: str, name: str = "a", namespace: str = "default", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


SERVICE = thing("v1", "Service", spec={"selector": {"app": "a"}, "ports": [{"port": 80}]})
CONFIG_MAP = thing("v1", "ConfigMap", data={"key": "value"})
SECRET = thing("v1", "Secret", stringData={"key": "value"})
NAMESPACE = thing("v1", "Namespace", "team", "")
NODE = thing("v1", "Node", "n1", "", spec={"podCIDRs": ["10.1.0.0/24"]})
LEASE = thing("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "me", "leaseDurationSeconds": 15})
AUTOSCALER = thing(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3, "behavior": {}},
)
BUDGET = thing("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1})
ROLE = thing(
    "rbac.authorization.k8s.io/v1", "Role", rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
)
BINDING = thing(
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    roleRef={"kind": "Role", "name": "r"},
    subjects=[{"kind": "User", "name": "ann"}],
)
CLAIM = thing(
    "v1",
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
)
VOLUME = thing(
    "v1",
    "PersistentVolume",
    namespace="",
    spec={"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}},
)
STORAGE_CLASS = thing("storage.k8s.io/v1", "StorageClass", namespace="", provisioner="example.com/p")
QUOTA = thing("v1", "ResourceQuota", spec={"hard": {"pods": "10", "requests.cpu": "2", "count/jobs.batch": "1"}})
RANGE = thing("v1", "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1"}}]})
PRIORITY = thing("scheduling.k8s.io/v1", "PriorityClass", namespace="", value=5)
_BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
INGRESS = thing(
    "networking.k8s.io/v1",
    "Ingress",
    spec={"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": _BACKEND}]}}]},
)
POLICY = thing("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "egress": [{"ports": [{"port": 1}]}]})
DEFINITION = thing(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "things.example.com",
    "",
    spec={
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
)
EVENT = thing("v1", "Event", involvedObject={"kind": "Pod", "name": "p", "namespace": "default"})
GOOD = [
    SERVICE, CONFIG_MAP, SECRET, NAMESPACE, NODE, LEASE, AUTOSCALER, BUDGET, ROLE, BINDING, CLAIM, VOLUME,
    STORAGE_CLASS, QUOTA, RANGE, PRIORITY, INGRESS, POLICY, DEFINITION, EVENT,
]  # fmt: skip


@pytest.mark.parametrize("tree", GOOD, ids=lambda tree: tree["kind"])
def test_a_good_one_passes_and_stays_good(tree: dict[str, Any]) -> None:
    assert errors(tree) == []
    assert update_errors(tree, codec.to_tree(created(tree))) == []


@pytest.mark.parametrize(
    ("tree", "path", "value", "expected"),
    [
        (SERVICE, "spec.ports", [], ["spec.ports: Required value"]),
        (
            SERVICE,
            "spec.ports",
            [{"port": 80}, {"port": 80, "name": "b"}],
            ["spec.ports[0].name: Required value", 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}'],
        ),
        (
            SERVICE,
            "spec.ports.0.nodePort",
            30000,
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        (SERVICE, "spec.type", "ExternalName", ["spec.externalName: Required value"]),
        (
            SERVICE,
            "spec.type",
            "Magic",
            [
                'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                '"NodePort"'
            ],
        ),
        (
            SERVICE,
            "spec.externalIPs",
            ["127.0.0.1"],
            [
                'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)",
            ],
        ),
        (CONFIG_MAP, "data", {"k": "x" * (1024 * 1024 + 1)}, [": Too long: may not be more than 1048576 bytes"]),
        (
            CONFIG_MAP,
            "binaryData",
            {"key": "AA=="},
            ['data[key]: Invalid value: "key": duplicate of key present in binaryData'],
        ),
        (SECRET, "type", "kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        (
            SECRET,
            "type",
            "kubernetes.io/dockerconfigjson",
            ["data[.dockerconfigjson]: Required value"],
        ),
        (
            NODE,
            "spec.taints",
            [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"key": "b"}],
            [
                'metadata.taints[1]: Duplicate value: {"effect":"NoSchedule","key":"a"}: taints must be unique '
                "by key and "
                "effect pair",
                "metadata.taints[2].effect: Required value",
            ],
        ),
        (
            LEASE,
            "spec.leaseDurationSeconds",
            0,
            ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
        ),
        (
            AUTOSCALER,
            "spec.minReplicas",
            5,
            ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
        ),
        (
            AUTOSCALER,
            "spec.metrics",
            [{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue"}}}],
            ["spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue"],
        ),
        (
            AUTOSCALER,
            "spec.metrics",
            [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Most"}}}],
            [
                'spec.metrics[0].resource.target.type: Invalid value: "Most": '
                "must be either Utilization, Value, or AverageValue",
                "spec.metrics[0].resource.target.averageUtilization: Required value: "
                "must set either a target raw value or a target utilization",
            ],
        ),
        (
            AUTOSCALER,
            "spec.metrics",
            [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "m"},
                        "target": {"type": "Value", "value": "1", "averageValue": "1"},
                    },
                }
            ],
            [
                "spec.metrics[0].external.target.value: Forbidden: "
                "may not set both a target value for metric and a per-pod target"
            ],
        ),
        (
            AUTOSCALER,
            "spec.metrics",
            [{"type": "Object", "object": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "-1"}}}],
            [
                "spec.metrics[0].object.describedObject.kind: Required value",
                "spec.metrics[0].object.describedObject.name: Required value",
                'spec.metrics[0].object.target.value: Invalid value: "-1": must be positive',
            ],
        ),
        (
            AUTOSCALER,
            "spec.behavior",
            {"scaleUp": {"tolerance": "-10m"}},
            ['spec.behavior.scaleUp.tolerance: Invalid value: "-10m": must be greater than or equal to 0'],
        ),
        (
            BUDGET,
            "spec.maxUnavailable",
            1,
            [
                'spec: Invalid value: {"maxUnavailable":1,"minAvailable":1}: minAvailable and maxUnavailable cannot be '
                "both set"
            ],
        ),
        (ROLE, "rules.0.verbs", [], ["rules[0].verbs: Required value: verbs must contain at least one value"]),
        (
            BINDING,
            "roleRef.kind",
            "Group",
            ['roleRef.kind: Unsupported value: "Group": supported values: "Role", "ClusterRole"'],
        ),
        (CLAIM, "spec.accessModes", REMOVED, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        (CLAIM, "spec.resources", REMOVED, ["spec.resources[storage]: Required value"]),
        (VOLUME, "spec.hostPath", REMOVED, ["spec: Required value: must specify a volume type"]),
        (
            QUOTA,
            "spec.hard",
            {"gpu": "1"},
            ['spec.hard[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified'],
        ),
        (
            QUOTA,
            "spec.scopes",
            ["Terminating", "Odd"],
            ['spec.scopes: Invalid value: ["Terminating","Odd"]: unsupported scope'],
        ),
        (
            QUOTA,
            "spec.scopes",
            ["BestEffort"],
            ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],  # requests.cpu
        ),
        (
            QUOTA,
            "spec.scopeSelector",
            {
                "matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In"},
                    {"scopeName": "PriorityClass", "operator": "Exists", "values": ["high"]},
                    {"scopeName": "Terminating", "operator": "Near"},
                ]
            },
            [
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when "
                "`operator` is 'In' or 'NotIn' for scope selector",
                'spec.scopeSelector.matchExpressions.values: Invalid value: ["high"]: must be no value when '
                "`operator` is 'Exist' or 'DoesNotExist' for scope selector",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"Near\": must be 'Exist' when scope is "
                "any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
                'spec.scopeSelector.matchExpressions.operator: Invalid value: "Near": not a valid selector operator',
            ],
        ),
        (
            RANGE,
            "spec.limits.0.type",
            "Odd",
            ['spec.limits[0].type: Invalid value: "Odd": must be a standard limit type or fully qualified'],
        ),
        (
            RANGE,
            "spec.limits.0.maxLimitRequestRatio",
            {"cpu": "3"},
            [
                'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": '
                "ratio 3 is greater than max/min = 2.000000"
            ],
        ),
        (
            RANGE,
            "spec.limits.0",
            {"type": "Container", "default": {"hugepages-2Mi": "4Mi"}, "defaultRequest": {"hugepages-2Mi": "2Mi"}},
            [
                'spec.limits[0].defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to '
                "defaultRequest value 2Mi in hugepages-2Mi"
            ],
        ),
        (
            RANGE,
            "spec.limits.0.min.cpu",
            "3",
            [
                'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
                'spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2',
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": min value 3 is greater than default '
                "request value 2",
            ],
        ),
        (
            PRIORITY,
            "value",
            1_000_000_001,
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
        ),
        (
            INGRESS,
            "spec.rules.0.http.paths.0.pathType",
            REMOVED,
            ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
        ),
        (
            DEFINITION,
            "metadata.name",
            "other",
            ['metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group'],
        ),
        (
            EVENT,
            "involvedObject.namespace",
            "other",
            ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
        ),
    ],
)
def test_rejected(tree: dict[str, Any], path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(tree, path, value)) == expected


@pytest.mark.parametrize(
    ("tree", "path", "value", "expected"),
    [
        (SECRET, "type", "other", ['type: Invalid value: "other": field is immutable']),
        (
            {**CONFIG_MAP, "immutable": True},
            "data.key",
            "changed",
            ["data: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            {**CONFIG_MAP, "immutable": True},
            "immutable",
            REMOVED,
            ["immutable: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            changed(SERVICE, "spec.clusterIP", "10.0.0.1"),
            "spec.clusterIP",
            "10.0.0.2",
            ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
        ),
        (
            NODE,
            "spec.podCIDRs",
            ["10.2.0.0/24"],
            ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
        ),
        (
            BINDING,
            "roleRef.name",
            "other",
            [
                'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"other"}: cannot '
                "change roleRef"
            ],
        ),
        (PRIORITY, "value", 6, ["value: Forbidden: may not be changed in an update."]),
        (STORAGE_CLASS, "provisioner", "b.com/q", ["provisioner: Forbidden: updates to provisioner are forbidden."]),
        (
            CLAIM,
            "spec.accessModes",
            ["ReadWriteMany"],
            [
                "spec: Forbidden: spec is immutable after creation except resources.requests and "
                "volumeAttributesClassName for bound claims"
            ],
        ),
    ],
)
def test_may_not_change(tree: dict[str, Any], path: str, value: Any, expected: list[str]) -> None:
    assert update_errors(tree, changed(tree, path, value)) == expected


class TestService:
    def test_defaults(self) -> None:
        spec = defaulted(SERVICE).spec
        assert (spec.type, spec.sessionAffinity, spec.internalTrafficPolicy) == ("ClusterIP", "None", "Cluster")
        assert (spec.ports[0].protocol, spec.ports[0].targetPort, spec.externalTrafficPolicy) == ("TCP", 80, "")

    def test_what_was_given_stays(self) -> None:
        old = created(changed(changed(SERVICE, "spec.type", "NodePort"), "spec.clusterIP", "10.0.0.1"))
        old.spec.ports[0].nodePort = 31000
        new = defaulted(changed(SERVICE, "spec.type", "NodePort"))
        strategy(SERVICE).prepare_update(new, old)
        assert (new.spec.clusterIP, new.spec.clusterIPs, new.spec.ports[0].nodePort) == (
            "10.0.0.1",
            ("10.0.0.1",),
            31000,
        )

    def test_node_ports_go_with_the_type(self) -> None:
        old = created(changed(SERVICE, "spec.type", "NodePort"))
        old.spec.ports[0].nodePort = 31000
        new = codec.copy(old)
        new.spec.type = "ClusterIP"
        strategy(SERVICE).prepare_update(new, old)
        assert new.spec.ports[0].nodePort is None
        assert strategy(SERVICE).validate_update(new, old) == []


def test_namespaces_start_active_and_held() -> None:
    made = created(NAMESPACE)
    assert made.status.phase == "Active"
    assert made.spec.finalizers == ("kubernetes",)
    assert made.metadata.labels == {"kubernetes.io/metadata.name": "team"}


def test_string_data_becomes_data() -> None:
    made = defaulted({**SECRET, "data": {"key": "b2xk", "other": "AA=="}})
    assert made.data == {"key": b"value", "other": b"\0"}
    assert made.stringData == {}


def test_autoscaler_defaults() -> None:
    spec = defaulted(AUTOSCALER).spec
    assert spec.minReplicas == 1
    assert spec.metrics[0].resource.target.averageUtilization == 80
    assert [(one.type, one.value) for one in spec.behavior.scaleUp.policies] == [("Pods", 4), ("Percent", 100)]


def test_limit_ranges_fill_in_what_follows() -> None:
    (item,) = defaulted(RANGE).spec.limits
    assert (item.default, item.defaultRequest) == ({"cpu": "2"}, {"cpu": "2"})


def test_network_policy_types_follow_the_rules() -> None:
    made = defaulted(POLICY)
    assert made.spec.policyTypes == ("Ingress", "Egress")
    assert made.spec.egress[0].ports[0].protocol == "TCP"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", []),  # cleared: it stays as it is
        ("10.0.0.2", ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']),
    ],
)
def test_who_changes_only_the_cluster_ip_means_both_fields(wanted: str, expected: list[str]) -> None:
    old = created(changed(SERVICE, "spec.clusterIP", "10.0.0.1"))
    new = defaulted(changed(changed(SERVICE, "spec.clusterIP", wanted), "spec.clusterIPs", ["10.0.0.1"]))
    strategy(SERVICE).prepare_update(new, old)
    assert [str(error) for error in strategy(SERVICE).validate_update(new, old)] == expected
    assert new.spec.clusterIPs == (wanted or "10.0.0.1",)


def test_node_ports_stay_by_name() -> None:
    tree = changed(SERVICE, "spec.type", "NodePort")
    old = created(changed(tree, "spec.ports", [{"port": 80, "name": "a", "nodePort": 30001}]))
    ports = [{"port": 80, "name": "b"}, {"port": 8080, "name": "a"}]
    new = defaulted(changed(tree, "spec.ports", ports))
    strategy(SERVICE).prepare_update(new, old)
    assert [port.nodePort for port in new.spec.ports] == [None, 30001]


@pytest.mark.parametrize("row", resources.BUILT_IN, ids=lambda row: f"{row.api_version}-{row.kind}")
def test_no_rule_breaks_on_an_empty_object(row: resources.ResourceType) -> None:
    found = STRATEGIES.get((row.group, row.kind))
    if found is None or (row.group, row.version) == ("autoscaling", "v1"):
        return
    obj, old = row.model(), row.model()
    found.default(obj)
    found.prepare_create(obj)
    found.validate(obj)
    found.warnings(obj, None)
    found.prepare_update(obj, old)
    found.validate_update(obj, old)
    if found.prepare_status_update is not None:
        found.prepare_status_update(obj, old)
        found.validate_status_update(obj, old)
