"""Descriptions that no end-to-end test compares with kubectl's, because they change by themselves."""

from __future__ import annotations

from typing import Any, cast

from podium.cli.describe.policy import describe_autoscaler
from podium.cli.describe.tabs import align
from podium.cli.session import Session


def metric(kind: str, target: dict[str, Any], **source: Any) -> dict[str, Any]:
    return {"type": kind, kind[0].lower() + kind[1:]: {**source, "target": target}}


def average(amount: str) -> dict[str, Any]:
    return {"type": "AverageValue", "averageValue": amount}


INGRESS = {"kind": "Ingress", "name": "i"}
AUTOSCALER = {
    "metadata": {
        "name": "web",
        "namespace": "default",
        "labels": {"a": "b"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
    },
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [
            metric("Resource", {"type": "Utilization", "averageUtilization": 50}, name="cpu"),
            metric("Resource", average("50Mi"), name="memory"),
            metric("ContainerResource", {"averageUtilization": 5}, name="memory", container="c"),
            metric("ContainerResource", average("5Mi"), name="memory", container="c"),
            metric("Pods", average("5"), metric={"name": "rps"}),
            metric("Object", {"type": "Value", "value": "5"}, metric={"name": "rps"}, describedObject=INGRESS),
            metric("Object", average("5"), metric={"name": "rps"}, describedObject=INGRESS),
            metric("External", {"type": "Value", "value": "5"}, metric={"name": "q"}),
            metric("External", average("5"), metric={"name": "q"}),
        ],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [
                    {"type": "Pods", "value": 4, "periodSeconds": 15},
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                ],
            },
            "scaleDown": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        },
    },
    "status": {
        "currentReplicas": 2,
        "desiredReplicas": 3,
        "currentMetrics": [
            {"type": "Resource", "resource": {"current": {"averageUtilization": 60, "averageValue": "60m"}}},
            {"type": ""},
            {"type": ""},
            {"type": ""},
            {"type": "Pods", "pods": {"current": {"averageValue": "4"}}},
        ],
        "conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": "fine"},
            {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange", "message": "also"},
        ],
    },
}
# As kubectl shows it.
SHOWN = """\
Name:                                                                      web
Namespace:                                                                 default
Labels:                                                                    a=b
Annotations:                                                               <none>
CreationTimestamp:                                                         Fri, 02 Jan 2026 03:04:05 +0000
Reference:                                                                 Deployment/web
Metrics:                                                                   ( current / target )
  resource cpu on pods  (as a percentage of request):                      60% (60m) / 50%
  resource memory on pods:                                                 <unknown> / 50Mi
  resource memory of container "c" on pods  (as a percentage of request):  <unknown> / 5%
  resource memory of container "c" on pods:                                <unknown> / 5Mi
  "rps" on pods:                                                           4 / 5
  "rps" on Ingress/i (target value):                                       <unknown> / 5
  "rps" on Ingress/i (target average value):                               <unknown> / 5
  "q" (target value):                                                      <unknown> / 5
  "q" (target average value):                                              <unknown> / 5
Min replicas:                                                              1
Max replicas:                                                              3
Behavior:
  Scale Up:
    Stabilization Window: 0 seconds
    Select Policy: Max
    Policies:
      - Type: Pods     Value: 4    Period: 15 seconds
      - Type: Percent  Value: 100  Period: 15 seconds
  Scale Down:
    Select Policy: Max
    Policies:
      - Type: Percent  Value: 100  Period: 15 seconds
Deployment pods:       2 current / 3 desired
Conditions:
  Type            Status  Reason              Message
  ----            ------  ------              -------
  AbleToScale     True    ReadyForNewScale    fine
  ScalingLimited  False   DesiredWithinRange  also
"""


def test_an_autoscaler() -> None:
    text = align(describe_autoscaler(cast(Session, None), AUTOSCALER))
    assert text.splitlines() == SHOWN.splitlines()
