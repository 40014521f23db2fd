"""Rules for names: what each accepts, and how what is wrong is put."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podium.machinery import names

Rule = Callable[[str], list[str]]

GOOD: list[tuple[Rule, list[str]]] = [
    (names.dns_label, ["a", "web-1", "1", "a" * 63]),
    (names.dns_subdomain, ["a", "a.b", "web-1.example.com", ".".join(["a" * 49] * 5)]),
    (names.dns_label_1035, ["a", "web-1", "a" * 63]),
    (names.wildcard_dns_subdomain, ["*.example.com", "*.a"]),
    (names.label_key, ["app", "App_1.x", "example.com/app", "a" * 63, "a.b/" + "c" * 63]),
    (names.label_value, ["", "web", "A_b.c-1", "a" * 63]),
    (names.env_var_name, ["A", "a.b", "1A", "with space", "@"]),
    (names.shell_env_var_name, ["A", "a.b-c", "_x"]),
    (names.config_map_key, ["a", ".a", "a..b", "A_b.c-1"]),
    (names.c_identifier, ["a", "_a1"]),
    (names.port_name, ["http", "a1", "web-2-x"]),
    (names.http_header, ["X-Forwarded-For"]),
    (names.percent, ["5%", "100%"]),
    (names.ip_address, ["10.9.8.7", "::1", "2001:db8::ffff"]),
    (names.cidr, ["10.0.0.0/8", "10.9.8.7/24", "2001:db8::/64", "0.0.0.0/0"]),
    (names.path_segment, ["system:admin", "a b", "x..y"]),
]


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in GOOD for value in values])
def test_good(rule: Rule, value: str) -> None:
    assert rule(value) == []


LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
KEY = "name part must consist of alphanumeric characters"


@pytest.mark.parametrize(
    ("rule", "value", "beginnings"),
    [
        (names.dns_label, "", [LABEL]),
        (names.dns_label, "Web", [LABEL]),
        (names.dns_label, "-a", [LABEL]),
        (names.dns_label, "a\n", [LABEL]),
        (names.dns_label, "a.b", ["must not contain dots"]),
        (names.dns_label, "a" * 64, ["must be no more than 63 characters"]),
        (names.dns_label, "é" * 40, ["must be no more than 63 characters", LABEL]),
        (names.dns_subdomain, "a..b", [SUBDOMAIN]),
        (names.dns_subdomain, "a" * 254, ["must be no more than 253 characters"]),
        (names.dns_label_1035, "1a", ["a DNS-1035 label must consist of"]),
        (names.wildcard_dns_subdomain, "*.*.a", ["a wildcard DNS-1123 subdomain must start with '*.'"]),
        (names.label_key, "", ["name part must be non-empty", KEY]),
        (names.label_key, "/a", ["prefix part must be non-empty"]),
        (names.label_key, "A/a", ["prefix part " + SUBDOMAIN]),
        (names.label_key, "a/b/c", ["a valid label key must consist of"]),
        (names.label_key, "a" * 64, ["name part must be no more than 63 characters"]),
        (names.label_key, "a_", [KEY]),
        (names.label_value, "-", ["a valid label must be an empty string or consist of"]),
        (names.label_value, "a" * 64, ["must be no more than 63 characters"]),
        (names.env_var_name, "", ["environment variable name must be non-empty"]),
        (names.env_var_name, "a=b", ["a valid environment variable name must consist only of printable ASCII"]),
        (names.env_var_name, "é", ["a valid environment variable name must consist only of printable ASCII"]),
        (names.shell_env_var_name, "1a", ["a valid environment variable name must consist of alphabetic"]),
        (names.shell_env_var_name, "..a", ["must not start with '..'"]),
        (names.config_map_key, "", ["a valid config key must consist of"]),
        (names.config_map_key, "..", ["must not be '..'"]),
        (names.config_map_key, "a/b", ["a valid config key must consist of"]),
        (names.c_identifier, "1a", ["a valid C identifier must start with alphabetic character or '_'"]),
        (names.port_name, "a" * 16, ["must be no more than 15 characters"]),
        (names.port_name, "80", ["must contain at least one letter (a-z)"]),
        (names.port_name, "a--b", ["must not contain consecutive hyphens"]),
        (names.port_name, "-a", ["must not begin or end with a hyphen"]),
        (names.port_name, "A", ["must contain only alpha-numeric characters", "must contain at least one letter"]),
        (names.ip_address, "10.0.0.256", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
        (names.ip_address, "fe80::1%eth0", ["must be a valid IP address"]),
        (names.cidr, "10.0.0.0", ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]),
        (names.cidr, "10.0.0.0/33", ["must be a valid CIDR value"]),
        (names.cidr, "10.0.0.0/255.0.0.0", ["must be a valid CIDR value"]),
        (names.path_segment, "a/b", ["may not contain '/'"]),
        (names.path_segment, "..", ["may not be '..'"]),
        (names.percent, "5", ["a valid percent string must be a numeric string followed by an ending '%'"]),
    ],
)
def test_bad(rule: Rule, value: str, beginnings: list[str]) -> None:
    messages = rule(value)
    assert len(messages) == len(beginnings)
    for message, beginning in zip(messages, beginnings, strict=True):
        assert message.startswith(beginning)


def test_a_whole_message() -> None:
    assert names.dns_subdomain("Bad_Name") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]


def test_numbers() -> None:
    assert names.port_number(1) == names.port_number(65535) == []
    assert names.port_number(0) == ["must be between 1 and 65535, inclusive"]
    assert names.user_id(-1) == ["must be between 0 and 4294967295, inclusive"]


def test_names_are_checked_in_a_moment() -> None:
    """None of the patterns backtracks without end."""
    for rule, _ in GOOD:
        rule("a" * 100_000 + "!")
        rule("a-" * 50_000)


@pytest.mark.parametrize(("prefix", "checked"), [("web-", "weba"), ("web", "web"), ("-", "-"), ("a.-", "a.a")])
def test_masked(prefix: str, checked: str) -> None:
    assert names.masked(prefix) == checked


def test_annotations_size() -> None:
    assert names.annotations_size({"a": "bc", "é": ""}) == 5
