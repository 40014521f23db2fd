"""What volumes contain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from podium.agent.environment import PodFacts, References
from podium.agent.volumes import contents
from podium.agent.volumes.atomic import File
from podium.agent.volumes.contents import VolumeError, VolumeSources
from podium.models.core_v1 import ConfigMap, Secret
from tests.agent.build import pod

MAP = ConfigMap(data={"a": "1", "b": "2"}, binaryData={"raw": b"\x00"})
SOURCES = VolumeSources(
    References({"cfg": MAP, "gone": None}, {"sec": Secret(data={"password": b"x"}), "gone": None}),
    PodFacts("", "", {}),
    {("", 3607): "the-token"},
)


def files(volume: dict[str, Any]) -> dict[str, File] | None:
    found = pod({"volumes": [{"name": "v", **volume}]})
    return contents.files(found, found.spec.volumes[0], SOURCES)


def texts(volume: dict[str, Any]) -> dict[str, bytes]:
    return {name: file.content for name, file in (files(volume) or {}).items()}


def test_config_maps_and_secrets() -> None:
    assert texts({"configMap": {"name": "cfg"}}) == {"a": b"1", "b": b"2", "raw": b"\x00"}
    chosen = files({"secret": {"secretName": "sec", "items": [{"key": "password", "path": "db/pw", "mode": 0o400}]}})
    assert chosen == {"db/pw": File(b"x", 0o400)}


def test_the_volume_that_every_pod_has() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "cfg", "items": [{"key": "a", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    assert texts({"projected": {"sources": sources}}) == {
        "token": b"the-token",
        "ca.crt": b"1",
        "namespace": b"default",
    }


def test_the_files_of_others_are_not_made() -> None:
    assert files({"emptyDir": {}}) is None
    assert files({"hostPath": {"path": "/"}}) is None


def test_a_token_for_one_user_or_a_group_is_nobody_elses() -> None:
    volume = {
        "name": "v",
        "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]},
    }
    for security, wanted in (
        ({}, File(b"the-token", 0o644)),
        ({"runAsUser": 7}, File(b"the-token", 0o600, 7)),
        ({"fsGroup": 9}, File(b"the-token", 0o600)),
    ):
        found = pod({"volumes": [volume], "securityContext": security})
        assert contents.files(found, found.spec.volumes[0], SOURCES) == {"token": wanted}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        ({"configMap": {"name": "cfg", "items": [{"key": "z", "path": "z"}]}}, "non-existent config key: z"),
    ],
)
def test_what_is_missing_is_named(volume: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError, match=message) as caught:
        files(volume)
    assert str(caught.value).startswith('MountVolume.SetUp failed for volume "v" : ')


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
            "failed to fetch token: no such account",
        ),
        ({"clusterTrustBundle": {"name": "b", "path": "ca.pem"}}, "this node can't project cluster trust bundles"),
    ],
)
def test_what_cannot_be_projected_is_said(source: dict[str, Any], message: str) -> None:
    found = pod({"volumes": [{"name": "v", "projected": {"sources": [source]}}]})
    sources = replace(SOURCES, tokens={}, token_problem="no such account")
    with pytest.raises(VolumeError, match=message):
        contents.files(found, found.spec.volumes[0], sources)


def test_optional_sources_may_be_missing() -> None:
    assert files({"configMap": {"name": "gone", "optional": True}}) == {}
