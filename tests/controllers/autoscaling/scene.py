"""What is scaled: a Deployment of two Pods, and its autoscaler."""

from __future__ import annotations

PODS = '{type: Pods, pods: {metric: {name: visits}, target: {type: AverageValue, averageValue: "10"}}}'
EXTERNAL = '{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: "5"}}}'
_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [%s]
"""


def web_scaled_by(*metrics: str) -> str:
    return _WEB % ", ".join(metrics)
