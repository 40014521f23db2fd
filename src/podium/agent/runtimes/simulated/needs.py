"""What keeps a simulated Pod from starting: objects that its volumes or its environment show and that aren't there.

Nothing is written, but whether it could be is found out as on a node that runs something, with the same words. The
service account token that every Pod gets is taken as there.
"""

from __future__ import annotations

from collections.abc import Collection

from podium.agent import environment
from podium.agent.environment import PodFacts, References
from podium.agent.interests import Interests, Key
from podium.agent.volumes import claims, contents
from podium.agent.volumes.claims import Claim
from podium.agent.volumes.contents import VolumeError, VolumeSources
from podium.models import pod_claims
from podium.models.core_v1 import ConfigMap, Container, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Volume


def keys(pod: Pod, known: Interests) -> Collection[Key]:
    """The objects that the Pod can't start without, or may want to show."""
    namespace = pod.metadata.namespace
    config_maps, secrets = contents.referenced(pod)
    more_config_maps, more_secrets = environment.referenced(pod)
    return (
        *((ConfigMap, namespace, name) for name in config_maps | more_config_maps),
        *((Secret, namespace, name) for name in secrets | more_secrets),
        *((PersistentVolumeClaim, namespace, name) for name in pod_claims.claims_of(pod)),
        *((PersistentVolume, "", volume) for volume in _volumes(pod, known)),
    )


def volume_problem(pod: Pod, known: Interests) -> str:
    """Why the Pod's volumes can't be set up; empty if they can."""
    wanted = [volume for volume in pod.spec.volumes if not _has_token(volume)]
    if not wanted:
        return ""
    facts = PodFacts(pod.status.podIP, pod.status.hostIP, {})
    sources = VolumeSources(_references(pod, known), facts, {}, _claims(pod, known))
    for volume in wanted:
        try:
            if pod_claims.claim_name(pod, volume):
                claims.check(pod, volume, sources.claims)
            else:
                contents.files(pod, volume, sources)
        except claims.ClaimError as error:
            return f"Unable to attach or mount volumes: unmounted volumes=[{volume.name}], {error}"
        except VolumeError as error:
            return str(error)
    return ""


def container_problem(pod: Pod, container: Container, known: Interests) -> str:
    """Why the container's environment can't be made; empty if it can."""
    if not container.env and not container.envFrom:
        return ""
    try:
        facts = PodFacts(pod.status.podIP, pod.status.hostIP, {})
        environment.container_environment(pod, container, _references(pod, known), facts)
    except environment.ConfigError as error:
        return str(error)
    return ""


def _has_token(volume: Volume) -> bool:
    sources = volume.projected.sources if volume.projected is not None else ()
    return any(source.serviceAccountToken is not None for source in sources)


def _references(pod: Pod, known: Interests) -> References:
    config_maps: dict[str, ConfigMap | None] = {}
    secrets: dict[str, Secret | None] = {}
    for kind, namespace, name in keys(pod, known):
        if kind is ConfigMap:
            config_maps[name] = known.get(kind, namespace, name)
        elif kind is Secret:
            secrets[name] = known.get(kind, namespace, name)
    return References(config_maps, secrets)


def _volumes(pod: Pod, known: Interests) -> list[str]:
    held = [known.get(PersistentVolumeClaim, pod.metadata.namespace, name) for name in pod_claims.claims_of(pod)]
    return [claim.spec.volumeName for claim in held if claim is not None and claim.spec.volumeName]


def _claims(pod: Pod, known: Interests) -> dict[str, Claim]:
    found: dict[str, Claim] = {}
    for name in pod_claims.claims_of(pod):
        claim = known.get(PersistentVolumeClaim, pod.metadata.namespace, name)
        volume = claim.spec.volumeName if claim is not None else ""
        found[name] = Claim(claim, known.get(PersistentVolume, "", volume) if volume else None)
    return found
