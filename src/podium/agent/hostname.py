"""What a Pod is called inside (API reference: PodSpec.hostname, subdomain, setHostnameAsFQDN, hostnameOverride)."""

from __future__ import annotations

from dataclasses import dataclass

from podium.agent.runtime import RuntimeFailure
from podium.models.core_v1 import Pod

LONGEST_HOSTNAME, LONGEST_FQDN = 63, 64
DOMAIN = "svc.cluster.local"


@dataclass(frozen=True, slots=True)
class PodName:
    hostname: str
    """What `hostname` prints."""
    names: tuple[str, ...]
    """What the Pod's address is called in its /etc/hosts."""


def pod_name(pod: Pod) -> PodName:
    """RuntimeFailure if the name that is wanted is too long for Linux."""
    spec = pod.spec
    if spec.hostnameOverride:
        return PodName(spec.hostnameOverride, (spec.hostnameOverride,))
    short = (spec.hostname or pod.metadata.name)[:LONGEST_HOSTNAME].rstrip("-.")
    if not spec.subdomain:
        return PodName(short, (short,))
    full = f"{short}.{spec.subdomain}.{pod.metadata.namespace}.{DOMAIN}"
    if not spec.setHostnameAsFQDN:
        return PodName(short, (full, short))
    if len(full) > LONGEST_FQDN:
        raise RuntimeFailure(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({LONGEST_FQDN} characters is the max, {len(full)} characters requested)"
        )
    return PodName(full, (full, short))
