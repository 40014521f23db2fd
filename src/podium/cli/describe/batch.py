"""Describing Jobs and CronJobs."""

from __future__ import annotations

from podium.cli.describe.pod_template import describe_pod_template
from podium.cli.describe.text import (
    Tree,
    controlled_by,
    duration,
    head,
    labels_and_annotations,
    parse_time,
    selector_text,
    time_text,
)
from podium.cli.session import Session


def describe_job(_session: Session, job: Tree) -> list[str]:
    spec, status = job["spec"], job.get("status") or {}
    lines = head(job)
    if spec.get("selector"):
        lines.append(f"Selector:\t{selector_text(spec['selector'])}")
    lines += [*labels_and_annotations(job), *controlled_by(job), *_job_spec(spec)]
    if status.get("startTime"):
        lines.append(f"Start Time:\t{time_text(status['startTime'])}")
    if status.get("completionTime"):
        lines.append(f"Completed At:\t{time_text(status['completionTime'])}")
        if status.get("startTime"):
            took = parse_time(status["completionTime"]) - parse_time(status["startTime"])
            lines.append(f"Duration:\t{duration(took.total_seconds())}")
    if spec.get("activeDeadlineSeconds"):
        lines.append(f"Active Deadline Seconds:\t{spec['activeDeadlineSeconds']}s")
    active, ready = status.get("active") or 0, status.get("ready")
    shown = f"{active} Active ({ready} Ready)" if ready is not None else f"{active} Running"
    succeeded, failed = status.get("succeeded") or 0, status.get("failed") or 0
    lines.append(f"Pods Statuses:\t{shown} / {succeeded} Succeeded / {failed} Failed")
    for title, field in (("Completed Indexes", "completedIndexes"), ("Failed Indexes", "failedIndexes")):
        if spec.get("completionMode") == "Indexed" and (field == "completedIndexes" or status.get(field)):
            lines.append(f"{title}:\t{status.get(field) or '<none>'}")
    return [*lines, *describe_pod_template(spec["template"])]


def _job_spec(spec: Tree) -> list[str]:
    fields = (
        ("Parallelism", "parallelism"),
        ("Completions", "completions"),
        ("Completion Mode", "completionMode"),
        ("Suspend", "suspend"),
        ("Backoff Limit", "backoffLimit"),
        ("Backoff Limit Per Index", "backoffLimitPerIndex"),
        ("TTL Seconds After Finished", "ttlSecondsAfterFinished"),
    )
    lines = []
    for title, field in fields:
        value = spec.get(field)
        if value is not None:
            lines.append(f"{title}:\t{str(value).lower() if isinstance(value, bool) else value}")
    return lines


def describe_cron_job(_session: Session, cron_job: Tree) -> list[str]:
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    job = spec["jobTemplate"]["spec"]
    deadline = spec.get("startingDeadlineSeconds")
    limits = (spec.get("successfulJobsHistoryLimit"), spec.get("failedJobsHistoryLimit"))
    lines = [
        *head(cron_job),
        *labels_and_annotations(cron_job),
        f"Schedule:\t{spec.get('schedule')}",
        *([f"Time Zone:\t{spec['timeZone']}"] if spec.get("timeZone") else []),
        f"Concurrency Policy:\t{spec.get('concurrencyPolicy') or ''}",
        f"Suspend:\t{str(bool(spec.get('suspend'))).title()}",
        f"Successful Job History Limit:\t{_or_unset(limits[0])}",
        f"Failed Job History Limit:\t{_or_unset(limits[1])}",
        f"Starting Deadline Seconds:\t{f'{deadline}s' if deadline is not None else '<unset>'}",
        f"Selector:\t{selector_text(job['selector']) if job.get('selector') else '<unset>'}",
        f"Parallelism:\t{_or_unset(job.get('parallelism'))}",
        f"Completions:\t{_or_unset(job.get('completions'))}",
        *describe_pod_template(job["template"]),
        f"Last Schedule Time:\t{time_text(status.get('lastScheduleTime'))}",
    ]
    active = [entry["name"] for entry in status.get("active") or ()]
    return [*lines, f"Active Jobs:\t{', '.join(active) or '<none>'}"]


def _or_unset(value: object) -> str:
    return "<unset>" if value is None else str(value)
