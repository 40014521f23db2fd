"""ConfigMaps and Secrets: keys that can be file names, a limit to their size, and an end to changing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import ConfigMap, Secret
from podium.registry.strategies.checks import METADATA, ROOT, Errors
from podium.registry.strategy import Strategy

LARGEST = 1024 * 1024
_DATA = Path("data")
_BINARY = Path("binaryData")
_FROZEN = "field is immutable when `immutable` is set"


def _size(value: str | bytes) -> int:
    return len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())


def _keys(path: Path, data: Mapping[str, Any]) -> Errors:
    errors: Errors = []
    for key in data:
        errors += field.each(path.key(key), key, names.config_map_key(key))
    return errors


def _frozen(new: ConfigMap | Secret, old: ConfigMap | Secret, *maps: str) -> Errors:
    if not old.immutable:
        return []
    errors: Errors = []
    if not new.immutable:
        errors.append(field.forbidden(Path("immutable"), _FROZEN))
    for name in maps:
        if getattr(new, name) != getattr(old, name):
            errors.append(field.forbidden(Path(name), _FROZEN))
    return errors


def _validate(obj: ConfigMap) -> Errors:
    errors: Errors = []
    for key in obj.data:
        errors += field.each(_DATA.key(key), key, names.config_map_key(key))
        if key in obj.binaryData:
            errors.append(field.invalid(_DATA.key(key), key, "duplicate of key present in binaryData"))
    errors += _keys(_BINARY, obj.binaryData)
    if sum(map(_size, obj.data.values())) + sum(map(_size, obj.binaryData.values())) > LARGEST:
        errors.append(field.too_long(ROOT, LARGEST))
    return errors


def _validate_update(new: ConfigMap, old: ConfigMap) -> Errors:
    return _frozen(new, old, "data", "binaryData") + _validate(new)


STRATEGY = Strategy(validate=_validate, validate_update=_validate_update, generation=False)


# --- Secrets ----------------------------------------------------------------------------------------------------

_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_DOCKER_CONFIGS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_REQUIRED_KEYS = {"kubernetes.io/ssh-auth": ("ssh-privatekey",), "kubernetes.io/tls": ("tls.crt", "tls.key")}


def _default_secret(secret: Secret) -> None:
    secret.type = secret.type or "Opaque"
    if secret.stringData:
        secret.data = {**secret.data, **{key: value.encode() for key, value in secret.stringData.items()}}
        secret.stringData = {}


def _validate_secret(secret: Secret) -> Errors:
    errors = _keys(_DATA, secret.data)
    if sum(map(len, secret.data.values())) > LARGEST:
        errors.append(field.too_long(_DATA, LARGEST))
    if secret.type == "kubernetes.io/service-account-token":
        if not secret.metadata.annotations.get(_ACCOUNT_NAME):
            errors.append(field.required(METADATA.child("annotations").key(_ACCOUNT_NAME)))
    elif secret.type in _DOCKER_CONFIGS:
        errors += _docker_config(_DOCKER_CONFIGS[secret.type], secret.data)
    elif secret.type == "kubernetes.io/basic-auth" and not {"username", "password"} & secret.data.keys():
        errors += [field.required(_DATA.key("username")), field.required(_DATA.key("password"))]
    for key in _REQUIRED_KEYS.get(secret.type, ()):
        if not secret.data.get(key) and (key not in secret.data or secret.type.endswith("ssh-auth")):
            errors.append(field.required(_DATA.key(key)))
    return errors


def _docker_config(key: str, data: Mapping[str, bytes]) -> Errors:
    where = _DATA.key(key)
    if key not in data:
        return [field.required(where)]
    try:
        msgspec.json.decode(data[key])
    except msgspec.DecodeError as error:
        return [field.invalid(where, "<secret contents redacted>", str(error))]
    return []


def _validate_secret_update(new: Secret, old: Secret) -> Errors:
    errors = field.immutable(Path("type"), new.type, old.type)
    return errors + _frozen(new, old, "data") + _validate_secret(new)


SECRET_STRATEGY = Strategy(
    default=_default_secret,
    validate=_validate_secret,
    validate_update=_validate_secret_update,
    generation=False,
)
