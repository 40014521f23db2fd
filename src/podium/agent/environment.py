"""The environment of a container: its variables, those of Services, and what $(VAR) stands for.

Reference: API reference, EnvVar; Kubernetes docs, "Define dependent environment variables", "Expose Pod information".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING

from podium.agent import containers
from podium.agent.runtime import RuntimeFailure
from podium.models import quantity
from podium.models.core_v1 import (
    ConfigMap,
    Container,
    EnvVarSource,
    ObjectFieldSelector,
    Pod,
    ResourceFieldSelector,
    Secret,
    Service,
)

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class ConfigError(RuntimeFailure):
    """What the container refers to isn't there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "CreateContainerConfigError")


@dataclass(frozen=True, slots=True)
class References:
    """What environments and volumes of a Pod refer to; None for what doesn't exist."""

    config_maps: Mapping[str, ConfigMap | None]
    secrets: Mapping[str, Secret | None]
    services: Sequence[Service] = ()


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the downward API can tell beside the Pod itself."""

    ip: str
    host_ip: str
    allocatable: Mapping[str, str]


def expand(text: str, known: Mapping[str, str]) -> str:
    """$(VAR) replaced by the variable's value; $$ is a $, what is unknown stays as it is."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else known.get(name, match[0])

    return _REFERENCE.sub(value, text) if "$" in text else text


def expand_strictly(text: str, known: Mapping[str, str]) -> str:
    """$(VAR) replaced by the variable's value; ConfigError if there is none."""
    names = {match[1] for match in _REFERENCE.finditer(text) if match[1] is not None}
    if missing := sorted(name for name in names if not known.get(name)):
        raise ConfigError(f"missing value for {', '.join(missing)}")
    return expand(text, known)


def container_environment(pod: Pod, container: Container, refs: References, facts: PodFacts) -> dict[str, str]:
    """All variables of the container, in the order that the kubelet gives them; ConfigError."""
    services = service_environment(pod, refs.services)
    found: dict[str, str] = {}
    for source in container.envFrom:
        found.update(_from_source(pod, source.prefix, source, refs))
    for variable in container.env:
        value: str | None = expand(variable.value, {**services, **found})
        if variable.valueFrom is not None:
            value = _value_from(pod, container, variable.valueFrom, refs, facts)
        if value is not None:
            found[variable.name] = value
    return {**{name: value for name, value in services.items() if name not in found}, **found}


def referenced(pod: Pod) -> tuple[set[str], set[str]]:
    """Names of the ConfigMaps and Secrets that the environments of the Pod's containers refer to."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for container in containers.everything(pod):
        for source in container.envFrom:
            if source.configMapRef is not None:
                config_maps.add(source.configMapRef.name)
            if source.secretRef is not None:
                secrets.add(source.secretRef.name)
        for variable in container.env:
            if variable.valueFrom is not None:
                if variable.valueFrom.configMapKeyRef is not None:
                    config_maps.add(variable.valueFrom.configMapKeyRef.name)
                if variable.valueFrom.secretKeyRef is not None:
                    secrets.add(variable.valueFrom.secretKeyRef.name)
    return config_maps, secrets


def field_value(pod: Pod, selector: ObjectFieldSelector, facts: PodFacts) -> str:
    """What the downward API gives for a field of the Pod."""
    path = selector.fieldPath
    metadata = pod.metadata
    if keyed := _KEYED.fullmatch(path):
        values: Mapping[str, str] = getattr(metadata, keyed[1])
        return values.get(keyed[2], "")
    simple = {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "metadata.uid": metadata.uid,
        "spec.nodeName": pod.spec.nodeName,
        "spec.serviceAccountName": pod.spec.serviceAccountName,
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
        "status.podIP": facts.ip,
        "status.podIPs": facts.ip,
    }
    if path in simple:
        return simple[path]
    if path in ("metadata.labels", "metadata.annotations"):
        entries: Mapping[str, str] = metadata.labels if path.endswith("labels") else metadata.annotations
        return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(entries.items()))
    raise ConfigError(f"unsupported fieldPath: {path}")


def resource_value(pod: Pod, container: Container, selector: ResourceFieldSelector, facts: PodFacts) -> str:
    """What the downward API gives for a request or limit: in units of the divisor, rounded up."""
    name = selector.containerName
    if name:
        everything = containers.everything(pod)
        container = next((c for c in everything if c.name == name), container)
    kind, _, resource = selector.resource.partition(".")
    limit = container.resources.limits.get(resource) or facts.allocatable.get(resource, "0")
    amount = container.resources.requests.get(resource, "0") if kind == "requests" else limit
    divisor = quantity.number(selector.divisor or "1") or quantity.number("1")
    return str(int((quantity.number(amount) / divisor).to_integral_value(ROUND_CEILING)))


def service_environment(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """Variables for the Services of the Pod's namespace (if it wants them), and for the API itself."""
    found: dict[str, str] = {}
    links = pod.spec.enableServiceLinks is not False
    for service in services:
        address = service.spec.clusterIP
        metadata = service.metadata
        api = metadata.namespace == "default" and metadata.name == "kubernetes"
        mine = links and metadata.namespace == pod.metadata.namespace
        if address in ("", "None") or not service.spec.ports or not (api or mine):
            continue
        name = metadata.name.upper().replace("-", "_")
        first = service.spec.ports[0]
        found[f"{name}_SERVICE_HOST"] = address
        found[f"{name}_SERVICE_PORT"] = str(first.port)
        for port in service.spec.ports:
            if port.name:
                found[f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
        protocol = (first.protocol or "TCP").lower()
        found[f"{name}_PORT"] = f"{protocol}://{address}:{first.port}"
        for port in service.spec.ports:
            protocol = port.protocol or "TCP"
            prefix = f"{name}_PORT_{port.port}_{protocol}"
            found[prefix] = f"{protocol.lower()}://{address}:{port.port}"
            found[f"{prefix}_PROTO"] = protocol.lower()
            found[f"{prefix}_PORT"] = str(port.port)
            found[f"{prefix}_ADDR"] = address
    return found


def _from_source(pod: Pod, prefix: str, source: object, refs: References) -> dict[str, str]:
    config_map = getattr(source, "configMapRef", None)
    if config_map is not None:
        found = refs.config_maps.get(config_map.name)
        if found is None:
            if config_map.optional:
                return {}
            raise ConfigError(f'configmap "{config_map.name}" not found')
        return {prefix + key: value for key, value in found.data.items()}
    secret = getattr(source, "secretRef", None)
    if secret is None:
        return {}
    holder = refs.secrets.get(secret.name)
    if holder is None:
        if secret.optional:
            return {}
        raise ConfigError(f'secret "{secret.name}" not found')
    return {prefix + key: value.decode(errors="replace") for key, value in holder.data.items()}


def _value_from(pod: Pod, container: Container, source: EnvVarSource, refs: References, facts: PodFacts) -> str | None:
    """The value that a variable refers to; None if it is optional and not there."""
    if source.fieldRef is not None:
        return field_value(pod, source.fieldRef, facts)
    if source.resourceFieldRef is not None:
        return resource_value(pod, container, source.resourceFieldRef, facts)
    if source.configMapKeyRef is not None:
        ref = source.configMapKeyRef
        config_map = refs.config_maps.get(ref.name)
        if config_map is None:
            return _absent(ref.optional, f'configmap "{ref.name}" not found')
        if ref.key not in config_map.data:
            where = f"ConfigMap {pod.metadata.namespace}/{ref.name}"
            return _absent(ref.optional, f"couldn't find key {ref.key} in {where}")
        return config_map.data[ref.key]
    if source.secretKeyRef is not None:
        key = source.secretKeyRef
        secret = refs.secrets.get(key.name)
        if secret is None:
            return _absent(key.optional, f'secret "{key.name}" not found')
        if key.key not in secret.data:
            where = f"Secret {pod.metadata.namespace}/{key.name}"
            return _absent(key.optional, f"couldn't find key {key.key} in {where}")
        return secret.data[key.key].decode(errors="replace")
    raise ConfigError("environment variables from files are not supported on this node")


def _absent(optional: bool | None, message: str) -> str | None:
    """No value, if that is allowed."""
    if optional:
        return None
    raise ConfigError(message)


_ESCAPED = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\", '"': '"'}


def _quoted(value: str) -> str:
    """As Go's %q."""
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if short := _ESCAPED.get(character):
        return "\\" + short
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x80 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
