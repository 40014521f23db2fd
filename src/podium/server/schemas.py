"""Kubernetes' own schemas, which the build puts into the package. Read when needed and not kept: they are large."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

import orjson


def _compressed() -> bytes:
    return files("podium.models").joinpath("schema.json.gz").read_bytes()


def definitions() -> dict[str, Any]:
    """Name, e.g. "io.k8s.api.apps.v1.Deployment", to JSON Schema."""
    found: dict[str, Any] = orjson.loads(gzip.decompress(_compressed()))
    return found


@cache
def fingerprint() -> str:
    """Changes when the schemas do."""
    return hashlib.sha256(_compressed()).hexdigest()
