"""Secrets: what each of Kubernetes' own types must have."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import Secret
from podium.registry.strategies import config_data
from podium.registry.strategies.checks import METADATA, Errors
from podium.registry.strategy import Strategy

_DATA = Path("data")
_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_DOCKER_CONFIGS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_REQUIRED_KEYS = {"kubernetes.io/ssh-auth": ("ssh-privatekey",), "kubernetes.io/tls": ("tls.crt", "tls.key")}


def _default(secret: Secret) -> None:
    secret.type = secret.type or "Opaque"
    if secret.stringData:
        secret.data = {**secret.data, **{key: value.encode() for key, value in secret.stringData.items()}}
        secret.stringData = {}


def _validate(secret: Secret) -> Errors:
    errors = config_data.keys(_DATA, secret.data)
    if sum(map(len, secret.data.values())) > config_data.LARGEST:
        errors.append(field.too_long(_DATA, config_data.LARGEST))
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


def _validate_update(new: Secret, old: Secret) -> Errors:
    errors = field.immutable(Path("type"), new.type, old.type)
    return errors + config_data.frozen(new, old, "data") + _validate(new)


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=_validate_update,
    generation=False,
)
