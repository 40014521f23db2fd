"""The rows: what is measured, where Kubernetes stands, what Podium must reach and wants to reach then.

The figures of Kubernetes v1.36 (etcd 3.6, API server, controller manager, scheduler, a light fake kubelet) were
measured on a machine with 2 cores and 24 GiB: "stock" with the default client rate limits, "unthrottled" with 5,000
queries a second everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Figure = tuple[str, float, str]
"""Row, value, and a remark on how it came about."""

Unit = Literal["s", "MB", "/s", "%"]


@dataclass(frozen=True, slots=True)
class Target:
    row: str
    work: str
    unit: Unit
    stock: float | None
    unthrottled: float | None
    must: float | None
    """None: there is no target, the figure is only told."""
    then: float | None

    def reached(self, value: float, wanted: float) -> bool:
        return value >= wanted if self.unit == "/s" else value <= wanted

    def missed(self, value: float) -> bool:
        return self.must is not None and not self.reached(value, self.must)

    def verdict(self, value: float) -> str:
        if self.must is None:
            return ""
        if self.then is not None and self.reached(value, self.then):
            return "reached, and then"
        return "MISSED" if self.missed(value) else "reached"


TARGETS = (
    Target("ready", "empty directory to API ready", "s", 3.1, 3.1, 1.0, 0.5),
    Target("account", "... to the default ServiceAccount present", "s", 3.9, 3.6, 1.0, 0.5),
    Target("deploy-1000", "Deployment of 1,000 to all Ready", "s", 49.8, 7.1, 3, 1.5),
    Target("rolling-1000", "rolling update of 1,000 (25%/25%)", "s", 102, 9.3, 5, 3),
    Target("scale-0", "scale 1,000 to 0, Pods gone", "s", 50.2, 2.8, 2, 1),
    Target("deploy-5000", "Deployment of 5,000 to all Ready", "s", None, 35.1, 15, 8),
    Target("rolling-5000", "rolling update of 5,000", "s", None, 52.0, 25, 15),
    Target("memory-idle", "resident memory, idle, whole control plane", "MB", 483, 483, 120, 80),
    Target("memory-5000", "... after the 5,000 runs", "MB", None, 2363, 600, 300),
    Target("get", "GET of a 2 KB ConfigMap over HTTPS, 16 connections", "/s", 3342, 3342, 4000, 10000),
    Target("post", "POST of a 1.5 KB ConfigMap, durable", "/s", 1199, 1199, 1500, 3600),
    Target("list", "LIST of 500 x 2 KB", "/s", 132, 132, 400, 1000),
    Target("fleet", "1,400 workloads of five kinds on 50 nodes, settled", "s", None, None, None, None),
    Target("fleet-idle", "... CPU when idle afterwards, of one core", "%", None, None, 2, None),
    Target("fleet-memory", "... resident memory", "MB", None, None, None, None),
    Target("pods-10000", "10,000 Pods on 1,000 nodes, all Ready", "s", None, None, 60, None),
    Target("pods-10000-rate", "... Pods", "/s", None, None, None, None),
    Target("pods-10000-memory", "... resident memory", "MB", None, None, None, None),
)
