"""The Job of one run: the CronJob's template, named after the run, told when it was due."""

from __future__ import annotations

from datetime import datetime, tzinfo

from podium.controllers.cronjob.decide import job_name
from podium.models import batch_v1, codec, meta_v1, owners

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def new_job(cron_job: batch_v1.CronJob, due: datetime, zone: tzinfo) -> batch_v1.Job:
    template = codec.copy(cron_job.spec.jobTemplate)
    return batch_v1.Job(
        metadata=meta_v1.ObjectMeta(
            name=job_name(cron_job, due),
            namespace=cron_job.metadata.namespace,
            labels=template.metadata.labels,
            annotations={**template.metadata.annotations, SCHEDULED: _rfc3339(due.astimezone(zone))},
            ownerReferences=(owners.new_controller_ref(cron_job),),
        ),
        spec=template.spec,
    )


def _rfc3339(moment: datetime) -> str:
    """As Go writes it: no offset at all is Z, in whichever zone."""
    text = moment.replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
