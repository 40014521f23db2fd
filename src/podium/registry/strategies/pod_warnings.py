"""What the author of a Pod is warned of although it is accepted: deprecated, useless or likely mistaken parts."""

from __future__ import annotations

from collections.abc import Iterator

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import Container, EphemeralContainer, Pod, PodSpec, PodTemplateSpec
from podium.models.meta_v1 import ObjectMeta
from podium.models.quantity import Quantity

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
_BYTES = ("memory", "ephemeral-storage")
AnyContainer = Container | EphemeralContainer


def of_pod(pod: Pod, _old: Pod | None) -> list[str]:
    return list(_warnings(Path(""), pod.metadata, pod.spec))


def of_template(path: Path, new: PodTemplateSpec | None, old: PodTemplateSpec | None) -> list[str]:
    """Of a workload's template; nothing if an update leaves it as it was."""
    if new is None or new == old:
        return []
    return list(_warnings(path, new.metadata, new.spec))


def _warnings(path: Path, meta: ObjectMeta, spec: PodSpec) -> Iterator[str]:
    where = path.child("spec")
    for key in spec.nodeSelector:
        if key in _NODE_LABELS:
            yield f"{where.child('nodeSelector').key(key)}: {_NODE_LABELS[key]}"
    if spec.affinity is not None and spec.affinity.nodeAffinity is not None:
        yield from _affinity(where.child("affinity", "nodeAffinity"), spec)
    yield from _spread(where.child("topologySpreadConstraints"), spec)
    if meta.annotations:
        yield from _annotations(path.child("metadata", "annotations"), meta, spec)
    for position, volume in enumerate(spec.volumes):
        for name, message in _VOLUMES.items():
            if getattr(volume, name) is not None:
                yield f"{where.child('volumes').index(position).child(name)}: {message}"
    if spec.hostAliases or spec.imagePullSecrets:
        yield from _duplicates(where, spec)
    yield from _containers(where, spec)
    if spec.terminationGracePeriodSeconds is not None and spec.terminationGracePeriodSeconds < 0:
        place = where.child("terminationGracePeriodSeconds")
        yield f"{place}: must be >= 0; negative values are invalid and will be treated as 1"


def _affinity(path: Path, spec: PodSpec) -> Iterator[str]:
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    if affinity is None:
        return
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution
    terms = [] if required is None else list(required.nodeSelectorTerms)
    base = path.child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    placed = [(base.index(position), term) for position, term in enumerate(terms)]
    base = path.child("preferredDuringSchedulingIgnoredDuringExecution")
    for position, preferred in enumerate(affinity.preferredDuringSchedulingIgnoredDuringExecution):
        placed.append((base.index(position).child("preference"), preferred.preference))
    for where, term in placed:
        for position, one in enumerate(term.matchExpressions):
            if one.key in _NODE_LABELS:
                place = where.child("matchExpressions").index(position).child("key")
                yield f"{place}: {one.key} is {_NODE_LABELS[one.key]}"


def _spread(path: Path, spec: PodSpec) -> Iterator[str]:
    for position, one in enumerate(spec.topologySpreadConstraints):
        if one.topologyKey in _NODE_LABELS:
            place = path.index(position).child("topologyKey")
            yield f"{place}: {one.topologyKey} is {_NODE_LABELS[one.topologyKey]}"
        if one.labelSelector is None:
            yield f"{path.index(position).child('labelSelector')}: a null labelSelector results in matching no pod"


def _annotations(path: Path, meta: ObjectMeta, spec: PodSpec) -> Iterator[str]:
    for key, message in _ANNOTATIONS.items():
        if key in meta.annotations:
            yield f"{path.key(key)}: {message}"
    context = spec.securityContext
    if _SECCOMP_POD in meta.annotations and (context is None or context.seccompProfile is None):
        yield f"{path.key(_SECCOMP_POD)}: {_SECCOMP}"
    for one in _all(spec):
        key = _SECCOMP_CONTAINER + one.name
        if key in meta.annotations and (one.securityContext is None or one.securityContext.seccompProfile is None):
            yield f"{path.key(key)}: {_SECCOMP}"


def _all(spec: PodSpec) -> Iterator[AnyContainer]:
    yield from spec.initContainers
    yield from spec.containers
    yield from spec.ephemeralContainers


def _duplicates(path: Path, spec: PodSpec) -> Iterator[str]:
    seen: set[str] = set()
    for position, alias in enumerate(spec.hostAliases):
        if alias.ip in seen:
            yield f"{path.child('hostAliases').index(position).child('ip')}: duplicate ip {field.quote(alias.ip)}"
        seen.add(alias.ip)
    secrets: set[str] = set()
    for position, secret in enumerate(spec.imagePullSecrets):
        place = path.child("imagePullSecrets").index(position).child("name")
        if secret.name in secrets:
            yield f"{place}: duplicate name {field.quote(secret.name)}"
        secrets.add(secret.name)
        if not secret.name:
            yield f'{place}: invalid empty name ""'


def _containers(path: Path, spec: PodSpec) -> Iterator[str]:
    if spec.overhead:
        yield from _fractions(path.child("overhead"), spec.overhead)
    ports: dict[tuple[int, str], list[tuple[Path, str, int]]] = {}
    for name in ("initContainers", "containers", "ephemeralContainers"):
        for position, one in enumerate(getattr(spec, name)):
            if one.resources.limits or one.resources.requests:
                where = path.child(name).index(position).child("resources")
                yield from _fractions(where.child("limits"), one.resources.limits)
                yield from _fractions(where.child("requests"), one.resources.requests)
            if len(one.env) > 1:
                yield from _hidden(path.child(name).index(position).child("env"), one)
            if one.ports:
                yield from _ports(path.child(name).index(position).child("ports"), one, ports)


def _fractions(path: Path, resources: dict[str, Quantity]) -> Iterator[str]:
    for name in _BYTES:
        value = resources.get(name)
        if value is not None and value.endswith("m") and quantity.number(value) % 1:
            yield f'{path.key(name)}: fractional byte value "{value}" is invalid, must be an integer'


def _hidden(path: Path, one: AnyContainer) -> Iterator[str]:
    """A variable that is set twice, without the second building on the first."""
    seen: set[str] = set()
    for position, variable in enumerate(one.env):
        if variable.name not in seen:
            seen.add(variable.name)
            continue
        reference = f"$({variable.name})"
        builds_on = variable.valueFrom is None and reference in variable.value and variable.value != reference
        if not builds_on:
            yield (
                f"{path.index(position)}: hides previous definition of {field.quote(variable.name)}, "
                "which may be dropped when using apply"
            )


def _ports(path: Path, one: AnyContainer, known: dict[tuple[int, str], list[tuple[Path, str, int]]]) -> Iterator[str]:
    for position, port in enumerate(one.ports):
        where, host = path.index(position), port.hostPort or 0
        others = known.setdefault((port.containerPort, port.protocol), [])
        for other, ip, number in others:
            if (ip, number) == (port.hostIP, host):
                yield f"{where}: duplicate port definition with {other}"
            elif not host or not number or (number == host and not (ip and port.hostIP)):
                yield f"{where}: overlapping port definition with {other}"
        others.append((where, port.hostIP, host))
