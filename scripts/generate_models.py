"""Generate the typed Kubernetes models from the kubernetes-validate package.

Usage: python scripts/generate_models.py [--check]

Writes src/podium/models/<group>_<version>.py, one msgspec struct for each definition of a GA group version. Without
descriptions: those reach the wheel at build time (see build_schema.py). With --check nothing is written and the exit
status is 1 if a file differs from what would be written.

The rules of the mapping, in one place:

* An attribute has the wire's name, so that one name is searched for everywhere. A Python keyword
  or type name gets a trailing "_".
* Go's zero values are the defaults, and a field at its default is not encoded (Go's omitempty). A field that the
  schema requires is encoded even when zero: its default comes from a factory, which msgspec always encodes.
* An optional number or boolean may be a pointer in Go, where null and 0 differ, so it is `T | None`.
* Lists are tuples (the empty one is shared, nothing can append to a shared object), maps are dicts.
* `metadata`, and `spec` and `status` of a kind, are always there.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from importlib import resources as package_files
from pathlib import Path
from typing import Any

KUBERNETES = "v1.36.0-local"
TARGET = Path(__file__).parent.parent / "src" / "podium" / "models"

GROUP_VERSIONS = {
    "io.k8s.apimachinery.pkg.apis.meta.v1": "meta_v1",
    "io.k8s.api.admissionregistration.v1": "admissionregistration_v1",
    "io.k8s.api.apps.v1": "apps_v1",
    "io.k8s.api.authentication.v1": "authentication_v1",
    "io.k8s.api.authorization.v1": "authorization_v1",
    "io.k8s.api.autoscaling.v1": "autoscaling_v1",
    "io.k8s.api.autoscaling.v2": "autoscaling_v2",
    "io.k8s.api.batch.v1": "batch_v1",
    "io.k8s.api.certificates.v1": "certificates_v1",
    "io.k8s.api.coordination.v1": "coordination_v1",
    "io.k8s.api.core.v1": "core_v1",
    "io.k8s.api.discovery.v1": "discovery_v1",
    "io.k8s.api.events.v1": "events_v1",
    "io.k8s.api.flowcontrol.v1": "flowcontrol_v1",
    "io.k8s.api.networking.v1": "networking_v1",
    "io.k8s.api.node.v1": "node_v1",
    "io.k8s.api.policy.v1": "policy_v1",
    "io.k8s.api.rbac.v1": "rbac_v1",
    "io.k8s.api.resource.v1": "resource_v1",
    "io.k8s.api.scheduling.v1": "scheduling_v1",
    "io.k8s.api.storage.v1": "storage_v1",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1": "apiextensions_v1",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1": "apiregistration_v1",
}

# Definitions that are one Python type rather than a struct of their own.
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "Int32 | str",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "datetime",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "str",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "dict[str, Any]",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "Any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "Any",
}

# Structs that Go holds by value without the schema requiring them: always there, always encoded.
BY_VALUE = {
    ("Container", "resources"),
    ("EphemeralContainer", "resources"),
    ("ContainerStatus", "state"),
    ("ContainerStatus", "lastState"),
    ("DeploymentSpec", "strategy"),
    ("DaemonSetSpec", "updateStrategy"),
    ("StatefulSetSpec", "updateStrategy"),
    ("PersistentVolumeClaimSpec", "resources"),
    ("ReplicaSetSpec", "template"),
    ("ServiceStatus", "loadBalancer"),
    ("IngressStatus", "loadBalancer"),
    ("JobTemplateSpec", "spec"),
    ("PodTemplateSpec", "spec"),
    ("PodTemplate", "template"),
    ("NodeStatus", "daemonEndpoints"),
    ("NodeDaemonEndpoints", "kubeletEndpoint"),
}

# Strings that are pointers in Go and for which "" means something else than absent.
POINTER_STRINGS = {
    ("PersistentVolumeClaimSpec", "storageClassName"),
    ("ServiceSpec", "internalTrafficPolicy"),
    ("EndpointPort", "name"),
    ("EndpointPort", "protocol"),
    ("LeaseSpec", "holderIdentity"),
    ("JobStatus", "failedIndexes"),
}

# Pointers in Go although the schema requires them: absent and empty differ.
POINTER_STRUCTS = {"LabelSelector"}

Schema = dict[str, Any]


def definitions() -> dict[str, Schema]:
    """The definitions of Kubernetes' OpenAPI document by full name, as the package ships them."""
    root = package_files.files("kubernetes_validate") / "kubernetes-json-schema" / KUBERNETES
    return dict(json.loads((root / "_definitions.json").read_text())["$defs"])


def type_names(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]


def reference(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix("#/$defs/")


class Module:
    """One group version: collects the imports that its structs need while they are written."""

    def __init__(self, package: str, known: dict[str, Schema]) -> None:
        self.package = package
        self.known = known
        self.imports: set[str] = set()
        self.uses: set[str] = set()

    def python_type(self, schema: Schema) -> str:
        target = reference(schema)
        if target:
            return self.referenced(target)
        match type_names(schema):
            case ["string"]:
                return "bytes" if schema.get("format") == "byte" else "str"
            case ["integer"]:
                self.uses.add("Int32" if schema.get("format") == "int32" else "Int64")
                return "Int32" if schema.get("format") == "int32" else "Int64"
            case ["number"]:
                return "float"
            case ["boolean"]:
                return "bool"
            case ["array"]:
                return f"tuple[{self.python_type(schema['items'])}, ...]"
            case ["object"] if isinstance(schema.get("additionalProperties"), dict):
                return f"dict[str, {self.python_type(schema['additionalProperties'])}]"
        self.uses.add("Any")
        return "Any"

    def referenced(self, target: str) -> str:
        if target in SCALARS:
            name = SCALARS[target]
            self.uses.update({"Quantity", "datetime", "Any"} & set(re.findall(r"\w+", name)))
            return name
        package, _, name = target.rpartition(".")
        if not self.known[target].get("properties") and not type_names(self.known[target]):
            self.uses.add("Any")
            return "Any"
        if package == self.package:
            return name
        module = GROUP_VERSIONS[package]
        self.imports.add(module)
        return f"{module}.{name}"

    def field(self, owner: str, name: str, schema: Schema, required: bool) -> str:
        attribute = re.sub(r"\W", "_", name)
        if keyword.iskeyword(attribute) or attribute in ("bool", "bytes", "float", "int"):
            attribute += "_"
        python = self.python_type(schema)
        renamed = f'name="{name}"' if attribute != name else ""
        default, factory = self.default(owner, name, schema, python, required)
        if factory:
            python_default = f"field({', '.join(filter(None, ['default_factory=' + factory, renamed]))})"
        elif renamed:
            python_default = f"field(default={default}, {renamed})"
        else:
            python_default = default
        if default == "None" and python != "Any":
            python += " | None"
        return f"    {attribute}: {python} = {python_default}"

    def default(self, owner: str, name: str, schema: Schema, python: str, required: bool) -> tuple[str, str]:
        """The default, or the factory of a default that is always encoded."""
        if reference(schema).endswith(".MicroTime"):
            return '""', ""  # no client reads "" as a time
        if python.startswith("dict["):
            return ("", "dict") if not required else ("", "mapping")
        if python.startswith("tuple["):
            return ("", "tuple") if required else ("()", "")
        if python in ("str", "bytes"):
            if (owner, name) in POINTER_STRINGS:
                return "None", ""
            return ("", python) if required else ('b""' if python == "bytes" else '""', "")
        if python in ("Int32", "Int64", "bool", "float"):
            return ("", {"bool": "bool", "float": "float"}.get(python, "int")) if required else ("None", "")
        short = python.rpartition(".")[2]
        is_struct = bool(reference(schema)) and python not in (
            "Quantity",
            "Int32 | str",
            "datetime",
            "Any",
            "str",
        )
        always = name == "metadata" or required or (owner, name) in BY_VALUE
        if is_struct and short not in POINTER_STRUCTS and always and not python.startswith("dict"):
            return "", f"lambda: {python}()"
        return "None", ""

    def struct(self, name: str, schema: Schema) -> str:
        lines = [f"class {name}(Struct):"]
        properties = dict(schema.get("properties", {}))
        kinds = schema.get("x-kubernetes-group-version-kind") or []
        is_kind = len(kinds) == 1 and {"kind", "apiVersion"} <= set(properties)
        required = set(schema.get("required", ()))
        if is_kind:
            gvk = kinds[0]
            version = "/".join(filter(None, (gvk["group"], gvk["version"])))
            properties.pop("kind"), properties.pop("apiVersion")
            lines.append(f'    kind: str = field(default_factory=lambda: "{gvk["kind"]}")')
            lines.append(f'    apiVersion: str = field(default_factory=lambda: "{version}")')
            required |= {"spec", "status"} & {key for key, value in properties.items() if reference(value)}
        first = [key for key in ("kind", "apiVersion", "metadata") if key in properties]
        for key in first + sorted(set(properties) - set(first)):
            lines.append(self.field(name, key, properties[key], key in required))
        if len(lines) == 1:
            lines.append("    pass")
        return "\n".join(lines)

    def render(self, module: str) -> str:
        names = sorted(key for key in self.known if key.rpartition(".")[0] == self.package and key not in SCALARS)
        bodies = []
        for full in names:
            schema, name = self.known[full], full.rpartition(".")[2]
            is_list = name.endswith("List") and {"items", "metadata"} <= set(schema.get("properties", {}))
            if is_list or (not schema.get("properties") and not type_names(schema)):
                continue
            bodies.append(self.struct(name, schema))
        vocabulary = ["Struct", *sorted(self.uses & {"Int32", "Int64"})]
        if any("default_factory=mapping" in body for body in bodies):
            vocabulary.append("mapping")
        lines = [
            f'"""Kubernetes {module.replace("_", "/")}: generated by scripts/generate_models.py, do not edit."""',
            "",
            "from __future__ import annotations",
            "",
        ]
        if "datetime" in self.uses:
            lines.append("from datetime import datetime")
        if "Any" in self.uses:
            lines.append("from typing import Any")
        lines += ["", "from msgspec import field", ""]
        if self.imports:
            lines.append(f"from podium.models import {', '.join(sorted(self.imports))}")
        lines.append(f"from podium.models.base import {', '.join(sorted(vocabulary, key=str.lower))}")
        if "Quantity" in self.uses:
            lines.append("from podium.models.quantity import Quantity")
        return "\n".join(lines) + "\n\n\n" + "\n\n\n".join(bodies) + "\n"


def main() -> int:
    known = definitions()
    check = "--check" in sys.argv[1:]
    stale = []
    for package, module in GROUP_VERSIONS.items():
        path = TARGET / f"{module}.py"
        text = Module(package, known).render(module)
        if check and (not path.exists() or path.read_text() != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text)
    if stale:
        print(f"out of date, run scripts/generate_models.py: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
