"""Describing what limits and steers workloads: quotas, limits, disruption budgets, autoscalers."""

from __future__ import annotations

from typing import Any

from podium.cli.describe.text import Tree, conditions, head, joined, labels_and_annotations, selector_text, time_text
from podium.cli.session import Session


def describe_resource_quota(_session: Session, quota: Tree) -> list[str]:
    status = quota.get("status") or {}
    hard = status.get("hard") or quota["spec"].get("hard") or {}
    used = status.get("used") or {}
    lines = head(quota)
    scopes = quota["spec"].get("scopes") or ()
    if scopes:
        lines += ["Scopes:\t" + ", ".join(scopes)]
    return [*lines, "Resource\tUsed\tHard", "--------\t----\t----"] + [
        f"{name}\t{used.get(name, '0')}\t{amount}" for name, amount in sorted(hard.items())
    ]


def describe_limit_range(_session: Session, limits: Tree) -> list[str]:
    columns = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    titles = ("Min", "Max", "Default Request", "Default Limit", "Max Limit/Request Ratio")
    lines = [*head(limits), "Type\tResource\t" + "\t".join(titles)]
    lines.append("----\t--------\t" + "\t".join("-" * len(title) for title in titles))
    for item in limits["spec"].get("limits") or ():
        for resource in sorted({name for column in columns for name in item.get(column) or {}}):
            cells = "\t".join(str((item.get(column) or {}).get(resource, "-")) for column in columns)
            lines.append(f"{item['type']}\t{resource}\t{cells}")
    return lines


def describe_priority_class(_session: Session, priority_class: Tree) -> list[str]:
    metadata = priority_class["metadata"]
    return [
        f"Name:\t{metadata['name']}",
        f"Value:\t{priority_class.get('value') or 0}",
        f"GlobalDefault:\t{'true' if priority_class.get('globalDefault') else 'false'}",
        f"PreemptionPolicy:\t{priority_class.get('preemptionPolicy') or 'PreemptLowerPriority'}",
        f"Description:\t{priority_class.get('description') or ''}",
        *f"Annotations:\t{joined(metadata.get('annotations'))}".split("\n"),
    ]


def describe_disruption_budget(_session: Session, budget: Tree) -> list[str]:
    spec, status = budget["spec"], budget.get("status") or {}
    lines = head(budget)
    for title, field in (("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")):
        if spec.get(field) is not None:
            lines.append(f"{title}:\t{spec[field]}")
    return [
        *lines,
        f"Selector:\t{selector_text(spec.get('selector'))}",
        "Status:",
        f"    Allowed disruptions:\t{status.get('disruptionsAllowed', 0)}",
        f"    Current:\t{status.get('currentHealthy', 0)}",
        f"    Desired:\t{status.get('desiredHealthy', 0)}",
        f"    Total:\t{status.get('expectedPods', 0)}",
    ]


def describe_autoscaler(_session: Session, autoscaler: Tree) -> list[str]:
    spec, status = autoscaler["spec"], autoscaler.get("status") or {}
    target = spec["scaleTargetRef"]
    lines = [
        *head(autoscaler),
        *labels_and_annotations(autoscaler),
        f"CreationTimestamp:\t{time_text(autoscaler['metadata'].get('creationTimestamp'))}",
        f"Reference:\t{target['kind']}/{target['name']}",
        "Metrics:\t( current / target )",
    ]
    now: list[Tree] = status.get("currentMetrics") or []
    for index, metric in enumerate(spec.get("metrics") or ()):
        current = now[index] if index < len(now) else {}
        lines.append(f"  {_metric(metric, current)}")
    lines += [f"Min replicas:\t{spec.get('minReplicas', 1)}", f"Max replicas:\t{spec['maxReplicas']}"]
    if spec.get("behavior") is not None:
        lines.append("Behavior:")
        for title, field in (("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")):
            lines += _behavior(title, spec["behavior"].get(field))
    replicas = (status.get("currentReplicas") or 0, status.get("desiredReplicas") or 0)
    lines.append(f"{target['kind']} pods:\t{replicas[0]} current / {replicas[1]} desired")
    columns = (("Type", "type"), ("Status", "status"), ("Reason", "reason"), ("Message", "message"))
    return lines + conditions(autoscaler, columns, gap="")


def _behavior(title: str, rules: Tree | None) -> list[str]:
    if rules is None:
        return []
    lines = [f"  {title}:"]
    if rules.get("stabilizationWindowSeconds") is not None:
        lines.append(f"    Stabilization Window: {rules['stabilizationWindowSeconds']} seconds")
    if rules.get("policies"):
        lines += [f"    Select Policy: {rules.get('selectPolicy') or 'Max'}", "    Policies:"]
    lines += [
        f"      - Type: {policy['type']}\tValue: {policy['value']}\tPeriod: {policy['periodSeconds']} seconds"
        for policy in rules.get("policies") or ()
    ]
    return lines


def _metric(metric: Tree, current: Tree) -> str:
    kind = metric["type"]
    field = kind[0].lower() + kind[1:]
    wanted: Tree = metric.get(field) or {}
    found: Tree = (current.get(field) or {}).get("current") or {}
    target: Tree = wanted.get("target") or {}
    title = _title(kind, wanted)
    if target.get("averageUtilization") is not None:
        have: Any = found.get("averageUtilization")
        shown = f"{have}% ({found.get('averageValue')})" if have is not None else "<unknown>"
        return f"{title}  (as a percentage of request):\t{shown} / {target['averageUtilization']}%"
    average = target.get("averageValue") is not None
    if kind in ("External", "Object"):
        title += " (target average value)" if average else " (target value)"
    value = "averageValue" if average else "value"
    return f"{title}:\t{found.get(value) or '<unknown>'} / {target.get(value)}"


def _title(kind: str, wanted: Tree) -> str:
    name = wanted.get("name") or (wanted.get("metric") or {}).get("name") or ""
    described = wanted.get("describedObject") or {}
    return {
        "Resource": f"resource {name} on pods",
        "ContainerResource": f'resource {name} of container "{wanted.get("container")}" on pods',
        "Pods": f'"{name}" on pods',
        "Object": f'"{name}" on {described.get("kind")}/{described.get("name")}',
    }.get(kind, f'"{name}"')
