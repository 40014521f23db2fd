"""Rules for names that many kinds share: each returns what is wrong, in Kubernetes' words, or nothing.

The grammar of each is in the API's conventions ("Object Names and IDs", "Labels and Selectors").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253
ANNOTATIONS_LIMIT = 256 * 1024
_WORTH_KEEPING = SUBDOMAIN_LENGTH + 1 + LABEL_LENGTH  # what is longer is wrong, and would fill the caches

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"

_START_AND_END = "and must start and end with an alphanumeric character"
_LABEL_RULE = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_START_AND_END}"
_SUBDOMAIN_RULE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_START_AND_END}"
)
_LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_KEY_RULE = f"must consist of alphanumeric characters, '-', '_' or '.', {_START_AND_END}"
_VALUE_RULE = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', {_START_AND_END}"
)
_WILDCARD_RULE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_KEY_EXAMPLES = ("MyName", "my.name", "123-abc")


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def _mismatch(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=32)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _size(value: str) -> int:
    """Go counts bytes."""
    return len(value) if value.isascii() else len(value.encode())


def dns_label(value: str) -> list[str]:
    """RFC 1123 label: namespaces, containers, volumes, Services' ports."""
    errors = [_too_long(LABEL_LENGTH)] if _size(value) > LABEL_LENGTH else []
    if not _matches(_LABEL, value):
        dotted = _matches(_SUBDOMAIN, value)
        errors.append("must not contain dots" if dotted else _mismatch(_LABEL_RULE, _LABEL, "my-name", "123-abc"))
    return errors


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain: the name of most kinds."""
    errors = [_too_long(SUBDOMAIN_LENGTH)] if _size(value) > SUBDOMAIN_LENGTH else []
    if not _matches(_SUBDOMAIN, value):
        errors.append(_mismatch(_SUBDOMAIN_RULE, _SUBDOMAIN, "example.com"))
    return errors


def wildcard_dns_subdomain(value: str) -> list[str]:
    errors = [_too_long(SUBDOMAIN_LENGTH)] if _size(value) > SUBDOMAIN_LENGTH else []
    if not _matches(_WILDCARD, value):
        errors.append(_mismatch(_WILDCARD_RULE, _WILDCARD, "*.example.com"))
    return errors


def dns_label_1035(value: str) -> list[str]:
    """RFC 1035 label: Services."""
    errors = [_too_long(LABEL_LENGTH)] if _size(value) > LABEL_LENGTH else []
    if not _matches(_LABEL_1035, value):
        errors.append(_mismatch(_LABEL_1035_RULE, _LABEL_1035, "my-name", "abc-123"))
    return errors


def path_segment(value: str) -> list[str]:
    """A name that only has to fit into a URL: RBAC objects."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def masked(prefix: str) -> str:
    """What to check in place of a generateName: its last dash will not be the end of the name."""
    return prefix[:-1] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix


@lru_cache(maxsize=4096)
def _label_key(value: str) -> tuple[str, ...]:
    parts = value.split("/")
    if len(parts) > 2:
        text = _mismatch(_KEY_RULE, _KEY, *_KEY_EXAMPLES)
        return (f"a valid label key {text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    errors: list[str] = []
    if len(parts) == 2:
        prefix = parts[0]
        wrong = dns_subdomain(prefix) if prefix else ["must be non-empty"]
        errors += [f"prefix part {message}" for message in wrong]
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif _size(name) > LABEL_LENGTH:
        errors.append(f"name part {_too_long(LABEL_LENGTH)}")
    if not _matches(_KEY, name):
        errors.append(f"name part {_mismatch(_KEY_RULE, _KEY, *_KEY_EXAMPLES)}")
    return tuple(errors)


def label_key(value: str) -> list[str]:
    """A qualified name such as "app" or "example.com/app": keys of labels, annotations, taints; finalizers."""
    return list(_label_key(value) if len(value) <= _WORTH_KEEPING else _label_key.__wrapped__(value))


@lru_cache(maxsize=4096)
def _label_value(value: str) -> tuple[str, ...]:
    errors = [_too_long(LABEL_LENGTH)] if _size(value) > LABEL_LENGTH else []
    if not _matches(_VALUE, value):
        errors.append(_mismatch(_VALUE_RULE, _VALUE, "MyValue", "my_value", "12345"))
    return tuple(errors)


def label_value(value: str) -> list[str]:
    return list(_label_value(value) if len(value) <= _WORTH_KEEPING else _label_value.__wrapped__(value))


def annotations_size(annotations: Mapping[str, str]) -> int:
    """In bytes, keys and values; may not exceed ANNOTATIONS_LIMIT."""
    return sum(_size(key) + _size(value) for key, value in annotations.items())


def _path_like(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def env_var_name(value: str) -> list[str]:
    """Any printable ASCII but "=" (what a ConfigMap's keys become must pass `shell_env_var_name`)."""
    errors = [] if value else ["environment variable name must be non-empty"]
    if not (value.isascii() and value.isprintable()) or "=" in value:
        errors.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return errors


def shell_env_var_name(value: str) -> list[str]:
    errors = []
    if not _matches(_ENV, value):
        rule = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
            "and must not start with a digit"
        )
        errors.append(_mismatch(rule, _ENV, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return errors + _path_like(value)


def config_map_key(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets: they become file names."""
    errors = [_too_long(SUBDOMAIN_LENGTH)] if _size(value) > SUBDOMAIN_LENGTH else []
    if not _matches(_CONFIG_KEY, value):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_mismatch(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _path_like(value)


def c_identifier(value: str) -> list[str]:
    if _matches(_C_IDENTIFIER, value):
        return []
    rule = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
        "characters or '_'"
    )
    return [_mismatch(rule, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def http_header(value: str) -> list[str]:
    if _matches(_HEADER, value):
        return []
    return [_mismatch("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")]


def percent(value: str) -> list[str]:
    if _matches(_PERCENT, value):
        return []
    rule = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_mismatch(rule, _PERCENT, "1%", "93%")]


def port_name(value: str) -> list[str]:
    """IANA service name: containers' ports."""
    errors = [_too_long(15)] if _size(value) > 15 else []
    if not _matches("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= character <= "z" for character in value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number(value: int) -> list[str]:
    return in_range(value, 1, 65535)


def in_range(value: int, low: int, high: int) -> list[str]:
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def user_id(value: int) -> list[str]:
    """Of a user or a group."""
    return in_range(value, 0, 2**32 - 1)


def ip_address(value: str) -> list[str]:
    try:
        valid = "%" not in value and bool(ipaddress.ip_address(value))
    except ValueError:
        valid = False
    return [] if valid else ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def cidr(value: str) -> list[str]:
    address, _, bits = value.partition("/")
    try:
        valid = bits.isdecimal() and not ip_address(address) and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        valid = False
    return [] if valid else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
