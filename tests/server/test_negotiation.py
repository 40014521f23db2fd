from __future__ import annotations

import pytest

from podium.machinery.errors import NotAcceptable, UnsupportedMediaType
from podium.server.discovery import aggregated_type
from podium.server.negotiation import PLAIN, Shape, body_format, negotiate

KUBECTL_GET = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "shape"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/*", PLAIN),
        ("application/json", PLAIN),
        ("application/yaml", Shape("yaml")),
        ("application/vnd.kubernetes.protobuf", Shape("protobuf")),
        ("application/vnd.kubernetes.protobuf,application/json", PLAIN),
        ("application/vnd.kubernetes.protobuf,application/json;q=0.9", Shape("protobuf")),
        (
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            Shape("protobuf", "PartialObjectMetadata", "v1"),
        ),
        (KUBECTL_GET, Shape("json", "Table", "v1")),
        ("application/json;as=Table;v=v2;g=meta.k8s.io,application/yaml", Shape("yaml")),
        ("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", PLAIN),
        (
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            Shape("json", "PartialObjectMetadataList", "v1"),
        ),
        ("application/yaml;q=0.5,application/json;q=0.9", PLAIN),
        ("text/html,application/xhtml+xml,*/*;q=0.8", PLAIN),
        ("application/json;pretty=1", Shape("json", pretty=True)),
    ],
)
def test_shapes(accept: str, shape: Shape) -> None:
    assert negotiate(accept) == shape


def test_nothing_acceptable() -> None:
    with pytest.raises(NotAcceptable) as refused:
        negotiate("text/html")
    assert refused.value.message == (
        "only the following media types are accepted: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    with pytest.raises(NotAcceptable, match="application/json;stream=watch, "):
        negotiate("application/yaml", stream=True)


def test_body_formats() -> None:
    assert body_format(None) == "json"
    assert body_format("application/json; charset=utf-8") == "json"
    assert body_format("application/vnd.kubernetes.protobuf") == "protobuf"
    with pytest.raises(UnsupportedMediaType, match="the body of the request was in an unknown format"):
        body_format("text/plain")


def test_aggregated_discovery_is_for_those_who_prefer_it() -> None:
    v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert aggregated_type(f"{v2},application/json") == v2
    assert aggregated_type(f"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,{v2}") == v2
    assert aggregated_type("application/json") is None
    assert aggregated_type(f"application/json,{v2}") is None
    assert aggregated_type("") is None
