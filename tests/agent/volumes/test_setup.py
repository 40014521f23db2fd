"""How volumes look on the machine."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from podium.agent.environment import PodFacts, References
from podium.agent.volumes import atomic
from podium.agent.volumes.atomic import File
from podium.agent.volumes.claims import Claim
from podium.agent.volumes.contents import VolumeError, VolumeSources
from podium.agent.volumes.host_path import HostPathError, host_path
from podium.agent.volumes.setup import Placed, set_up
from podium.models import codec
from podium.models.core_v1 import ConfigMap, PersistentVolume, PersistentVolumeClaim
from tests.agent.build import pod

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_files_are_laid_out_as_the_kubelet_does(tmp_path: Path) -> None:
    assert atomic.write(tmp_path, {"a": File(b"1", 0o400), "d/b": File(b"2")}, NOW)
    assert names(tmp_path) == ["..2026_01_02_03_04_05.1", "..data", "a", "d"]
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert os.readlink(tmp_path / "..data") == "..2026_01_02_03_04_05.1"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "d" / "b").read_bytes() == b"2"


def test_what_is_right_is_left_alone(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"a": File(b"1")}, NOW)
    assert not atomic.write(tmp_path, {"a": File(b"1")}, NOW)
    assert os.readlink(tmp_path / "..data").endswith(".1")


def test_a_reader_of_an_open_directory_keeps_one_version(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"a": File(b"1"), "old": File(b"1")}, NOW)
    assert atomic.write(tmp_path, {"a": File(b"2"), "new": File(b"2")}, NOW)
    assert names(tmp_path) == ["..2026_01_02_03_04_05.2", "..data", "a", "new"]
    assert (tmp_path / "a").read_bytes() == b"2"


def test_an_update_that_broke_off_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "..data_tmp").symlink_to("..nothing")
    atomic.write(tmp_path, {"a": File(b"1")}, NOW)
    assert (tmp_path / "a").read_bytes() == b"1"


def shown(name: str) -> dict[str, Any]:
    return {"name": name, "configMap": {"name": name}}


def config(**maps: str) -> VolumeSources:
    found = {name: ConfigMap(data={"key": value}) for name, value in maps.items()}
    return VolumeSources(References(found, {}), PodFacts("10.0.0.2", "10.0.0.1", {}), {})


def test_a_volume_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    wanted = pod({"volumes": [shown("bad"), shown("good")]})
    with pytest.raises(VolumeError, match='configmap "bad" not found'):
        set_up(wanted, tmp_path, config(good="1"), NOW)
    assert (tmp_path / "good" / "key").read_text() == "1"


def test_only_files_are_brought_up_to_date(tmp_path: Path) -> None:
    wanted = pod({"volumes": [{"name": "h", "hostPath": {"path": str(tmp_path / "host")}}, shown("good")]})
    placed = set_up(wanted, tmp_path, config(good="1"), NOW)
    (tmp_path / "host").rmdir()
    assert set_up(wanted, tmp_path, config(good="2"), NOW, placed) == placed
    assert (tmp_path / "good" / "key").read_text() == "2"
    assert not (tmp_path / "host").exists()


def test_relative_host_paths_begin_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert host_path(str(tmp_path / "a")[1:], "") == tmp_path / "a"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["Directory", "File", "Socket", "CharDevice", "BlockDevice"])
def test_host_paths_have_to_be_there(kind: str, tmp_path: Path) -> None:
    with pytest.raises(HostPathError, match=f"hostPath type check failed: {tmp_path}/none is not a"):
        host_path(str(tmp_path / "none"), kind)


def test_host_paths_are_made_if_their_type_says_so(tmp_path: Path) -> None:
    assert host_path(str(tmp_path / "deep" / "new"), "DirectoryOrCreate").is_dir()
    assert host_path(str(tmp_path / "file"), "FileOrCreate").is_file()
    assert host_path("/dev/null", "CharDevice") == Path("/dev/null")
    with pytest.raises(HostPathError):
        host_path(str(tmp_path / "file"), "DirectoryOrCreate")


def claim(**more: Any) -> PersistentVolumeClaim:
    tree = {
        "metadata": {"name": "data", "namespace": "default", "uid": "c1"},
        "spec": {"volumeName": "pv"},
        "status": {"phase": "Bound"},
        **more,
    }
    return codec.from_tree(tree, PersistentVolumeClaim)


def volume(path: Path, uid: str = "c1", **more: Any) -> PersistentVolume:
    spec = {"claimRef": {"uid": uid}, "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}, **more}
    return codec.from_tree({"metadata": {"name": "pv"}, "spec": spec}, PersistentVolume)


def placed(directory: Path, found: Claim, **source: Any) -> Placed:
    spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data", **source}}]}
    sources = VolumeSources(References({}, {}), PodFacts("", "", {}), {}, {"data": found}, "n1", {"zone": "a"})
    return set_up(pod(spec), directory, sources, NOW)["v"]


def test_a_claim_stands_for_the_directory_of_its_volume(tmp_path: Path) -> None:
    found = placed(tmp_path, Claim(claim(), volume(tmp_path / "disk")))
    assert found == Placed(tmp_path / "disk")
    assert found.path.is_dir()
    assert placed(tmp_path, Claim(claim(), volume(tmp_path / "disk")), readOnly=True).read_only


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to a group")
@pytest.mark.parametrize(("policy", "group"), [("Always", 1234), ("OnRootMismatch", 0)])
def test_what_is_on_a_volume_belongs_to_the_group(policy: str, group: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "folder").mkdir(parents=True)
    (disk / "folder" / "file").touch(0o600)
    (disk / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").touch(0o600)
    if policy == "OnRootMismatch":
        os.chown(disk, -1, 1234)
        disk.chmod(0o2770)
    spec = {
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        "securityContext": {"fsGroup": 1234, "fsGroupChangePolicy": policy},
    }
    found = Claim(claim(), volume(disk, hostPath=None, local={"path": str(disk)}))
    sources = VolumeSources(References({}, {}), PodFacts("", "", {}), {}, {"data": found}, "n1")
    set_up(pod(spec), tmp_path, sources, NOW)
    file, folder = (disk / "folder" / "file").stat(), (disk / "folder").stat()
    assert (file.st_gid, folder.st_gid) == (group, group)
    assert (file.st_mode & 0o060, folder.st_mode & 0o2070) == ((0o060, 0o2070) if group else (0, 0o050))
    assert (tmp_path / "outside").stat().st_gid == 0
    assert (disk.stat().st_gid, disk.stat().st_mode & 0o2070) == (1234, 0o2070)


def only_in(zone: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}


def test_a_volume_may_belong_to_some_nodes_only(tmp_path: Path) -> None:
    assert placed(tmp_path, Claim(claim(), volume(tmp_path / "disk", **only_in("a"))))
    with pytest.raises(VolumeError, match="NodeAffinity check failed: no matching NodeSelectorTerms"):
        placed(tmp_path, Claim(claim(), volume(tmp_path / "disk", **only_in("b"))))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (Claim(None), 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
        (Claim(claim(status={"phase": "Pending"})), "PVC is not bound"),
        (Claim(claim()), 'failed to get PV pv: persistentvolumes "pv" not found'),
        (Claim(claim(), volume(Path("/x"), uid="another")), "PV pv is not bound to PVC default/data"),
    ],
)
def test_a_claim_that_is_not_bound_keeps_the_pod_waiting(found: Claim, problem: str, tmp_path: Path) -> None:
    with pytest.raises(VolumeError) as caught:
        placed(tmp_path, found)
    start = "Unable to attach or mount volumes: unmounted volumes=[v], failed to process volumes=[v]: error processing "
    assert str(caught.value).startswith(f"{start}PVC default/data: ")
    assert str(caught.value).endswith(problem)


def test_other_kinds_of_volumes_are_refused(tmp_path: Path) -> None:
    sources = VolumeSources(References({}, {}), PodFacts("", "", {}), {})
    nfs = pod({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]})
    with pytest.raises(VolumeError, match=r'MountVolume.SetUp failed for volume "v" : this node has no plugin'):
        set_up(nfs, tmp_path, sources, NOW)
