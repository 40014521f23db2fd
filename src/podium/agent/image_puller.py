"""Sees to it that a container's image is there: the pull policy, failed pulls and their back-off."""

from __future__ import annotations

from datetime import timedelta

from podium.agent import image_names, restart
from podium.agent.actions import Known
from podium.agent.driver import NodeContext
from podium.agent.runtime import Image, ImageError, Runtime
from podium.models.core_v1 import Container, Pod

NEVER_SECONDS = 10.0
"""How long until an image that may not or can't be pulled is looked for again."""
PULL_FAILED_SECONDS = 1.0
"""A failed pull shows as ErrImagePull so long, then as ImagePullBackOff."""


class ImagePuller:
    def __init__(self, context: NodeContext, runtime: Runtime) -> None:
        self._context = context
        self._runtime = runtime

    async def ensure(self, pod: Pod, container: Container, known: Known) -> Image | None:
        """The container's image; None if it can't be had now, and why is in the container's view."""
        events, name = self._context.events, container.image
        if problem := image_names.problem(name):
            self._refused(pod, container, known, image_names.INVALID, problem)
            return None
        try:
            present = await self._runtime.image_status(name)
            policy = container.imagePullPolicy
            if present is not None and policy != "Always":
                events.present(pod, container)
                return present
            if policy == "Never":
                message = f'Container image "{name}" is not present with pull policy of Never'
                self._refused(pod, container, known, "ErrImageNeverPull", message)
                return None
            if self._backs_off(pod, container, known):
                return None
            events.pulling(pod, container)
            began = self._context.clock.monotonic()
            image = await self._runtime.pull_image(name, has_command=bool(container.command))
        except ImageError as error:
            now = self._context.clock.now()
            known.pulls = restart.advanced(known.pulls, now, now)
            known.view.waiting = (error.reason, str(error))
            known.retry_at = now + timedelta(seconds=PULL_FAILED_SECONDS)
            events.pull_failed(pod, container, error.reason, str(error))
            return None
        events.pulled(pod, container, self._context.clock.monotonic() - began)
        known.pulls = restart.NEVER_FAILED
        return image

    def _refused(self, pod: Pod, container: Container, known: Known, reason: str, message: str) -> None:
        """No pull would help: look again later."""
        known.view.waiting = (reason, message)
        known.retry_at = self._context.clock.now() + timedelta(seconds=NEVER_SECONDS)
        self._context.events.image_refused(pod, container, reason, message)

    def _backs_off(self, pod: Pod, container: Container, known: Known) -> bool:
        """Whether the last failed pull is too recent for another one."""
        wait = restart.remaining(known.pulls, known.pulls.updated, self._context.clock.now())
        if wait <= 0:
            return False
        if known.view.waiting is not None and known.view.waiting[0] != "ImagePullBackOff":
            reason, message = known.view.waiting
            text = f'Back-off pulling image "{container.image}": {reason}: {message}'
            known.view.waiting = ("ImagePullBackOff", text)
            self._context.events.pull_backoff(pod, container)
        known.retry_at = self._context.clock.now() + timedelta(seconds=wait)
        return True
