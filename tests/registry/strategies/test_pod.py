"""Pods: defaults, what is rejected and how that reads, what may change later."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec
from podium.registry.strategies import compute

from .rules import REMOVED, changed, created, defaulted, errors, strategy, update_errors, warnings

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "serviceAccountName": "default",
        "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}]}],
    },
}
C = "spec.containers.0."


class TestDefaults:
    def test_a_small_pod(self) -> None:
        assert codec.to_tree(created(POD))["spec"] == {
            "containers": [
                {
                    "name": "c",
                    "image": "nginx",
                    "imagePullPolicy": "Always",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }
            ],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
        }

    @pytest.mark.parametrize(
        ("image", "policy"),
        [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("host:5000/nginx", "Always"),
            ("host:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
            ("nginx:latest@sha256:abc", "Always"),
        ],
    )
    def test_pull_policy(self, image: str, policy: str) -> None:
        assert defaulted(changed(POD, C + "image", image)).spec.containers[0].imagePullPolicy == policy

    def test_probe(self) -> None:
        probe = (
            defaulted(changed(POD, C + "readinessProbe", {"httpGet": {"port": 80}})).spec.containers[0].readinessProbe
        )
        assert codec.to_tree(probe) == {
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
            "failureThreshold": 3,
            "periodSeconds": 10,
            "successThreshold": 1,
            "timeoutSeconds": 1,
        }

    def test_requests_follow_limits(self) -> None:
        pod = changed(POD, C + "resources", {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}})
        assert defaulted(pod).spec.containers[0].resources.requests == {"cpu": "100m", "memory": "1Gi"}

    def test_host_network_takes_host_ports(self) -> None:
        assert defaulted(changed(POD, "spec.hostNetwork", True)).spec.containers[0].ports[0].hostPort == 80

    def test_volumes(self) -> None:
        volumes = [
            {"name": "a"},
            {"name": "b", "secret": {"secretName": "s"}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        ]
        empty, secret, projected = defaulted(changed(POD, "spec.volumes", volumes)).spec.volumes
        assert empty.emptyDir is not None
        assert secret.secret.defaultMode == projected.projected.defaultMode == 420
        assert projected.projected.sources[0].serviceAccountToken.expirationSeconds == 3600

    def test_status_is_not_the_clients(self) -> None:
        status = created({**POD, "status": {"phase": "Running", "podIP": "1.2.3.4"}}).status
        assert (status.phase, status.podIP, status.qosClass) == ("Pending", "", "BestEffort")

    def test_gates_keep_it_from_the_scheduler(self) -> None:
        (condition,) = created(changed(POD, "spec.schedulingGates", [{"name": "a"}])).status.conditions
        assert (condition.type, condition.reason) == ("PodScheduled", "SchedulingGated")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"requests": {"ephemeral-storage": "1Gi"}}, "BestEffort"),
    ],
)
def test_qos_class(resources: dict[str, Any], expected: str) -> None:
    assert compute.qos_class(defaulted(changed(POD, C + "resources", resources)).spec) == expected


def test_a_good_pod_passes() -> None:
    assert errors(POD) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.containers", REMOVED, ["spec.containers: Required value"]),
        (C + "name", "", ["spec.containers[0].name: Required value"]),
        (C + "image", "", ["spec.containers[0].image: Required value"]),
        (
            C + "image",
            " nginx",
            ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
        ),
        (
            "spec.containers.1",
            {"name": "c", "image": "x"},
            ['spec.containers[1].name: Duplicate value: "c"'],
        ),
        (
            C + "ports",
            [{"containerPort": 0}],
            ["spec.containers[0].ports[0].containerPort: Required value"],
        ),
        (
            C + "ports",
            [{"containerPort": 70000, "protocol": "X"}],
            [
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, "
                "inclusive",
                'spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
            ],
        ),
        (
            C + "ports",
            [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}],
            ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"'],
        ),
        (
            C + "imagePullPolicy",
            "Sometimes",
            [
                'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", '
                '"IfNotPresent", "Never"'
            ],
        ),
        (
            "spec.restartPolicy",
            "Maybe",
            ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"'],
        ),
        (
            "spec.dnsPolicy",
            "x",
            [
                'spec.dnsPolicy: Unsupported value: "x": supported values: "ClusterFirstWithHostNet", "ClusterFirst", '
                '"Default", "None"'
            ],
        ),
        (
            "spec.activeDeadlineSeconds",
            0,
            ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
        ),
        (
            C + "volumeMounts",
            [{"name": "v", "mountPath": "/a"}],
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
        ),
        (
            C + "livenessProbe",
            {"exec": {"command": ["true"]}, "tcpSocket": {"port": 1}, "successThreshold": 2},
            [
                "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
                "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
            ],
        ),
        (
            C + "readinessProbe",
            {"periodSeconds": -1},
            [
                "spec.containers[0].readinessProbe: Required value: must specify a handler type",
                "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or "
                "equal to 0",
            ],
        ),
        (
            C + "resources",
            {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
            [
                'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory '
                "limit of 1Gi"
            ],
        ),
        (
            C + "resources",
            {"limits": {"gpu": "1"}},
            [
                'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource '
                "for containers",
                'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for '
                "containers",
            ],
        ),
        (
            C + "resources",
            {"requests": {"example.com/gpu": "1"}},
            ["spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"],
        ),
        (
            C + "resources",
            {"requests": {"cpu": "-1"}},
            [
                'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        (
            C + "env",
            [{"name": ""}, {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}],
            [
                "spec.containers[0].env[0].name: Required value",
                'spec.containers[0].env[1].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nope": error converting '
                "fieldPath: field label not supported: spec.nope",
            ],
        ),
        (
            C + "env",
            [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            [
                'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is '
                "not empty",
            ],
        ),
        (
            C + "restartPolicy",
            "Sometimes",
            [
                'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", '
                '"OnFailure", "Never"'
            ],
        ),
        (
            C + "securityContext",
            {"privileged": True, "allowPrivilegeEscalation": False},
            [
                "spec.containers[0].securityContext: Invalid value: "
                '{"allowPrivilegeEscalation":false,"privileged":true}: '
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            ],
        ),
        (
            C + "lifecycle",
            {"preStop": {"sleep": {"seconds": 31}}},
            [
                "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ],
        ),
        (
            "spec.initContainers",
            [{"name": "c", "image": "x", "readinessProbe": {"exec": {"command": ["a"]}}}],
            [
                'spec.initContainers[0].name: Duplicate value: "c"',
                "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
                "restartPolicy=Always",
            ],
        ),
        (
            "spec.volumes",
            [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}, {"name": "w", "secret": {}}],
            [
                "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
                "spec.volumes[1].secret.secretName: Required value",
            ],
        ),
        (
            "spec.volumes",
            [{"name": "v", "hostPath": {"path": "/a/../b", "type": "Disk"}}],
            [
                "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                'spec.volumes[0].hostPath.type: Unsupported value: "Disk": supported values: "", "BlockDevice", '
                '"CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
            ],
        ),
        (
            "spec.tolerations",
            [{"operator": "Equal", "value": "x"}, {"key": "a", "operator": "Exists", "tolerationSeconds": 1}],
            [
                'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
                'which means "match all values and all keys"',
                "spec.tolerations[1].effect: Invalid value: \"\": effect must be 'NoExecute' when "
                "`tolerationSeconds` is set",
            ],
        ),
        (
            "spec.topologySpreadConstraints",
            [{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"}],
            [
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
                "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
            ],
        ),
        (
            "spec.affinity",
            {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
            [
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required "
                "value: must have at least one node selector term"
            ],
        ),
        (
            "spec.affinity",
            {
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 0, "podAffinityTerm": {"topologyKey": "a"}}
                    ]
                }
            },
            [
                "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: "
                "Invalid value: "
                "0: must be in the range 1-100"
            ],
        ),
        (
            "spec.hostAliases",
            [{"ip": "1.2.3", "hostnames": ["a"]}],
            [
                'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or '
                "2001:db8::ffff)"
            ],
        ),
        (
            "spec.securityContext",
            {"runAsUser": -1},
            ["spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive"],
        ),
        (
            "metadata.annotations",
            {"controller.kubernetes.io/pod-deletion-cost": "+1"},
            [
                'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be '
                "a 32bit "
                "integer"
            ],
        ),
        (
            "spec.ephemeralContainers",
            [{"name": "e", "image": "x"}],
            ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(POD, path, value)) == expected


@pytest.mark.parametrize(
    ("cost", "good"),
    [
        ("0", True),
        ("2147483647", True),
        ("2147483648", False),
        ("-2147483648", True),
        ("-2147483649", False),
        ("-0", False),
        ("01", False),
        ("-", False),
        ("", False),
        ("\u00b2", False),
        ("9" * 5000, False),
    ],
)
def test_the_cost_of_a_deletion_has_32_bits(cost: str, good: bool) -> None:
    found = errors(changed(POD, "metadata.annotations", {"controller.kubernetes.io/pod-deletion-cost": cost}))
    assert (found == []) == good


def test_a_bad_name_says_what_a_good_one_is() -> None:
    (found,) = errors(changed(POD, C + "name", "A_b"))
    assert found.startswith('spec.containers[0].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of')


class TestUpdate:
    def test_images_tolerations_and_labels_may_change(self) -> None:
        new = changed(POD, C + "image", "busybox")
        new = changed(new, "spec.tolerations", [{"key": "a", "operator": "Exists"}])
        assert update_errors(POD, changed(new, "metadata.labels", {"a": "b"})) == []

    def test_nothing_else_may(self) -> None:
        (found,) = update_errors(POD, changed(POD, C + "ports", []))
        assert found == (
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
            "`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )

    def test_containers_stay(self) -> None:
        found = update_errors(POD, changed(POD, "spec.containers.1", {"name": "d", "image": "x"}))
        assert found == ["spec.containers: Forbidden: pod updates may not add or remove containers"]

    def test_a_deadline_only_gets_shorter(self) -> None:
        long, short = changed(POD, "spec.activeDeadlineSeconds", 20), changed(POD, "spec.activeDeadlineSeconds", 10)
        assert update_errors(long, short) == []
        assert update_errors(short, long) == [
            "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value"
        ]
        assert "must not update from a positive integer to nil value" in update_errors(short, POD)[0]

    def test_tolerations_stay(self) -> None:
        old = changed(POD, "spec.tolerations", [{"key": "a", "operator": "Exists"}])
        assert update_errors(old, POD) == [
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
        ]

    def test_gates_only_go(self) -> None:
        gated = changed(POD, "spec.schedulingGates", [{"name": "a"}])
        assert update_errors(gated, POD) == []
        assert update_errors(gated, changed(gated, "spec.nodeSelector", {"disk": "ssd"})) == []
        assert "only deletion is allowed, but found new scheduling gate 'a'" in update_errors(POD, gated)[0]

    def test_status_is_kept(self) -> None:
        old, new = created(POD), defaulted({**POD, "status": {"phase": "Failed"}})
        strategy(POD).prepare_update(new, old)
        assert new.status == old.status


class TestStatus:
    def test_only_status_labels_and_annotations_change(self) -> None:
        old = created(POD)
        new = defaulted({**changed(POD, C + "image", "evil"), "status": {"phase": "Running", "podIP": "10.0.0.1"}})
        strategy(POD).prepare_status_update(new, old)
        assert new.spec == old.spec
        assert new.status.podIPs[0].ip == "10.0.0.1"
        assert new.status.qosClass == "BestEffort"
        assert strategy(POD).validate_status_update(new, old) == []

    def test_what_has_ended_for_good_stays_ended(self) -> None:
        pod = changed(POD, "spec.restartPolicy", "Never")
        old, new = created(pod), created(pod)
        ended = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 1}}}]}
        old.status = defaulted({**pod, "status": ended}).status
        new.status = defaulted(
            {**pod, "status": {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}}
        ).status
        (error,) = strategy(pod).validate_status_update(new, old)
        assert error.field == "status.containerStatuses[0].state"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            C + "env",
            [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
            ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
        ),
        (C + "env", [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}], []),
        (
            C + "ports",
            [{"containerPort": 80}, {"containerPort": 80}],
            ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"],
        ),
        (
            "spec.nodeSelector",
            {"beta.kubernetes.io/os": "linux"},
            [
                'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
            ],
        ),
        (
            C + "resources",
            {"requests": {"memory": "100m"}},
            [
                'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must '
                "be an integer",
            ],
        ),
        (
            "spec.volumes",
            [{"name": "g", "gitRepo": {"repository": "r"}}],
            ["spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"],
        ),
        ("spec.imagePullSecrets", [{"name": ""}], ['spec.imagePullSecrets[0].name: invalid empty name ""']),
    ],
)
def test_warnings(path: str, value: Any, expected: list[str]) -> None:
    assert warnings(changed(POD, path, value)) == expected
