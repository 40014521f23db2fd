"""Describing what a Pod is made of: containers, volumes, placement. Shared by Pods and all that have a Pod template."""

from __future__ import annotations

from collections.abc import Mapping

from podium.cli.describe.text import Tree, pairs, time_text


def describe_pod_template(template: Tree, extra_annotations: Mapping[str, str] | None = None) -> list[str]:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    lines = ["Pod Template:", *_indent(pairs("Labels", metadata.get("labels")))]
    annotations = dict(metadata.get("annotations") or {}) | dict(extra_annotations or {})
    if annotations:
        lines += _indent(pairs("Annotations", annotations, ": "))
    if spec.get("serviceAccountName"):
        lines.append(f"  Service Account:\t{spec['serviceAccountName']}")
    return lines + describe_pod_spec(spec, indent="  ") + describe_placement(spec, indent="  ")


def describe_pod_spec(spec: Tree, statuses: Mapping[str, Tree] | None = None, indent: str = "") -> list[str]:
    lines: list[str] = []
    if spec.get("initContainers"):
        lines += _containers("Init Containers", spec["initContainers"], statuses, indent)
    return lines + _containers("Containers", spec.get("containers") or [], statuses, indent)


def describe_placement(spec: Tree, indent: str = "") -> list[str]:
    """Volumes, priority, node selector and tolerations."""
    lines = describe_volumes(spec.get("volumes") or [], indent)
    if spec.get("priorityClassName"):
        lines.append(f"{indent}Priority Class Name:\t{spec['priorityClassName']}")
    return lines + [indent + line for line in describe_node_choice(spec)]


def describe_node_choice(spec: Tree) -> list[str]:
    ordered = sorted(spec.get("tolerations") or (), key=lambda entry: str(entry.get("key") or ""))
    tolerations = [_toleration(entry) for entry in ordered]
    lines = pairs("Node-Selectors", spec.get("nodeSelector"))
    lines.append(f"Tolerations:\t{tolerations[0] if tolerations else '<none>'}")
    return lines + [f"\t{line}" for line in tolerations[1:]]


def _indent(lines: list[str], by: str = "  ") -> list[str]:
    return [by + line for line in lines]


def _name_indent(indent: str) -> str:
    """kubectl sets the names under an indented title off by one more blank only, and what is below at four."""
    return f"{indent} " if indent else "  "


def _containers(title: str, containers: list[Tree], statuses: Mapping[str, Tree] | None, indent: str) -> list[str]:
    lines = [f"{indent}{title}:" if containers else f"{indent}{title}:\t<none>"]
    for container in containers:
        lines.append(f"{_name_indent(indent)}{container['name']}:")
        lines += _indent(_container(container, (statuses or {}).get(container["name"])), "    ")
    return lines


def _container(container: Tree, status: Tree | None) -> list[str]:
    lines = []
    if status:
        lines.append(f"Container ID:\t{status.get('containerID') or ''}")
    lines.append(f"Image:\t{container.get('image', '')}")
    if status:
        lines.append(f"Image ID:\t{status.get('imageID') or ''}")
    ports = container.get("ports") or []
    many = "s" if len(ports) > 1 else ""
    shown = ", ".join(f"{port['containerPort']}/{port.get('protocol', 'TCP')}" for port in ports)
    host = ", ".join(f"{port.get('hostPort') or 0}/{port.get('protocol', 'TCP')}" for port in ports)
    lines += [f"Port{many}:\t{shown or '<none>'}", f"Host Port{many}:\t{host or '<none>'}"]
    for field in ("command", "args"):
        if container.get(field):
            lines += [f"{field.capitalize()}:", *(f"  {word}" for word in container[field])]
    if status:
        lines += _state("State", status.get("state") or {})
        if status.get("lastState"):
            lines += _state("Last State", status["lastState"])
        lines += [f"Ready:\t{bool(status.get('ready'))}", f"Restart Count:\t{status.get('restartCount', 0)}"]
    resources = container.get("resources") or {}
    for field in ("limits", "requests"):
        if resources.get(field):
            entries = sorted(resources[field].items())
            lines += [f"{field.capitalize()}:", *(f"  {name}:\t{amount}" for name, amount in entries)]
    for title, field in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if container.get(field):
            lines.append(f"{title}:\t{probe_text(container[field])}")
    lines += _environment(container)
    return lines + _mounts(container.get("volumeMounts") or [])


def _state(title: str, state: Tree) -> list[str]:
    if running := state.get("running"):
        return [f"{title}:\tRunning", f"  Started:\t{time_text(running.get('startedAt'))}"]
    if waiting := state.get("waiting"):
        lines = [f"{title}:\tWaiting"]
        return lines + ([f"  Reason:\t{waiting['reason']}"] if waiting.get("reason") else [])
    if terminated := state.get("terminated"):
        lines = [f"{title}:\tTerminated"]
        for label, field in (("Reason", "reason"), ("Message", "message")):
            if terminated.get(field):
                lines.append(f"  {label}:\t{str(terminated[field]).strip()}")
        lines.append(f"  Exit Code:\t{terminated.get('exitCode', 0)}")
        if terminated.get("signal"):
            lines.append(f"  Signal:\t{terminated['signal']}")
        return [
            *lines,
            f"  Started:\t{time_text(terminated.get('startedAt'))}",
            f"  Finished:\t{time_text(terminated.get('finishedAt'))}",
        ]
    return [f"{title}:\tWaiting"]


def probe_text(probe: Tree) -> str:
    """A probe on one line: how it asks, then its timing."""
    times = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s"
        f" period={probe.get('periodSeconds', 10)}s #success={probe.get('successThreshold', 1)}"
        f" #failure={probe.get('failureThreshold', 3)}"
    )
    if action := probe.get("httpGet"):
        scheme = str(action.get("scheme") or "HTTP").lower()
        return f"http-get {scheme}://{action.get('host') or ''}:{action['port']}{action.get('path') or '/'} {times}"
    if action := probe.get("tcpSocket"):
        return f"tcp-socket {action.get('host') or ''}:{action['port']} {times}"
    if action := probe.get("exec"):
        return f"exec [{' '.join(action.get('command') or ())}] {times}"
    if action := probe.get("grpc"):
        return f"grpc <pod>:{action['port']} {action.get('service') or ''} {times}"
    return f"unknown {times}"


def _environment(container: Tree) -> list[str]:
    lines = []
    if sources := container.get("envFrom"):
        lines.append("Environment Variables from:")
        for source in sources:
            kind, reference = next(
                (title, source[field])
                for title, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef"))
                if field in source
            )
            lines.append(f"  {reference['name']}\t{kind}\tOptional: {str(bool(reference.get('optional'))).lower()}")
    variables = container.get("env") or []
    lines.append("Environment:" if variables else "Environment:\t<none>")
    for variable in variables:
        lines.append(f"  {variable['name']}:\t{_value(variable)}")
    return lines


def _value(variable: Tree) -> str:
    source: Tree = variable.get("valueFrom") or {}
    if field := source.get("fieldRef"):
        return f" ({field.get('apiVersion', 'v1')}:{field['fieldPath']})"
    if resource := source.get("resourceFieldRef"):
        return f" ({resource['resource']})"
    for title, key in (("config map", "configMapKeyRef"), ("secret", "secretKeyRef")):
        if reference := source.get(key):
            optional = str(bool(reference.get("optional"))).lower()
            return f"<set to the key '{reference['key']}' in {title} '{reference['name']}'>\tOptional: {optional}"
    return str(variable.get("value") or "")


def _mounts(mounts: list[Tree]) -> list[str]:
    lines = ["Mounts:" if mounts else "Mounts:\t<none>"]
    for mount in sorted(mounts, key=lambda mount: str(mount["mountPath"])):
        flags = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            flags.append(f'path="{mount["subPath"]}"')
        lines.append(f"  {mount['mountPath']} from {mount['name']} ({','.join(flags)})")
    return lines


_VOLUME_TITLES = {
    "emptyDir": "EmptyDir (a temporary directory that shares a pod's lifetime)",
    "configMap": "ConfigMap (a volume populated by a ConfigMap)",
    "secret": "Secret (a volume populated by a Secret)",
    "projected": "Projected (a volume that contains injected data from multiple sources)",
    "downwardAPI": "DownwardAPI (a volume populated by information about the pod)",
    "hostPath": "HostPath (bare host directory volume)",
    "persistentVolumeClaim": "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
}


def describe_volumes(volumes: list[Tree], indent: str = "") -> list[str]:
    lines = [f"{indent}Volumes:" if volumes else f"{indent}Volumes:\t<none>"]
    for volume in volumes:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        lines += [f"{_name_indent(indent)}{volume['name']}:", f"    Type:\t{_VOLUME_TITLES.get(kind, kind)}"]
        lines += [f"    {line}" for line in _volume_details(kind, volume.get(kind) or {})]
    return lines


def _volume_details(kind: str, source: Tree) -> list[str]:
    optional = f"Optional:\t{str(bool(source.get('optional'))).lower()}"
    if kind == "configMap":
        return [f"Name:\t{source.get('name')}", optional]
    if kind == "secret":
        return [f"SecretName:\t{source.get('secretName')}", optional]
    if kind == "hostPath":
        return [f"Path:\t{source.get('path')}", f"HostPathType:\t{source.get('type') or ''}"]
    if kind == "persistentVolumeClaim":
        return [f"ClaimName:\t{source.get('claimName')}", f"ReadOnly:\t{str(bool(source.get('readOnly'))).lower()}"]
    if kind == "emptyDir":
        return [f"Medium:\t{source.get('medium') or ''}", f"SizeLimit:\t{source.get('sizeLimit') or '<unset>'}"]
    lines = []
    for entry in source.get("sources") or ():
        if token := entry.get("serviceAccountToken"):
            lines.append(f"TokenExpirationSeconds:\t{token.get('expirationSeconds', 3600)}")
        if config := entry.get("configMap"):
            lines += [
                f"ConfigMapName:\t{config.get('name')}",
                f"Optional:\t{str(bool(config.get('optional'))).lower()}",
            ]
        if "downwardAPI" in entry:
            lines.append("DownwardAPI:\ttrue")
    return lines


def _toleration(toleration: Tree) -> str:
    text = str(toleration.get("key") or "")
    if toleration.get("value"):
        text += f"={toleration['value']}"
    if toleration.get("effect"):
        text += f":{toleration['effect']}"
    if toleration.get("operator") == "Exists":
        text += " op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text
