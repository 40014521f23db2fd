"""What Pods with namespaces find around them: the API, Services, each other, volumes that change."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podium.agent.runtimes.process.network import can_isolate
from podium.agent.services import proxy
from podium.cluster import Cluster
from podium.models import codec
from podium.models.core_v1 import ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Service
from podium.models.meta_v1 import DeleteOptions

from .cluster import apply, events, free_port, log_says, process_cluster, when
from .conftest import DEADLINE

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    if problem := can_isolate():
        pytest.skip(f"needs network namespaces: {problem}")


def in_cluster(data_dir: Path, test: Callable[[Cluster], Awaitable[None]]) -> None:
    async def run() -> None:
        async with process_cluster(data_dir) as at:
            await test(at)

    asyncio.run(run())


def running(pod: Pod) -> bool:
    return pod.status.phase == "Running"


async def answers(port: int) -> bool:
    """Whether something listens on that port of the machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:  # refused, or it was about to stop listening
        return False
    writer.close()
    return True


async def until_it(*, listens: bool, port: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while await answers(port) is not listens:
            continue


LISTS_PODS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: lister}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: lister}
rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lister}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lister}
subjects: [{kind: ServiceAccount, name: lister, namespace: default}]
---
apiVersion: v1
kind: Pod
metadata: {name: lister}
spec:
  serviceAccountName: lister
  restartPolicy: Never
  containers:
  - name: c
    image: python
    command:
    - python3
    - -c
    - |
      import json, os, ssl, urllib.error, urllib.request
      secrets = "/var/run/secrets/kubernetes.io/serviceaccount"
      trust = ssl.create_default_context(cafile=f"{secrets}/ca.crt")
      token = {"Authorization": "Bearer " + open(f"{secrets}/token").read()}
      def get(host, what):
          url = f"https://{host}/api/v1/namespaces/default/{what}"
          return json.load(urllib.request.urlopen(urllib.request.Request(url, headers=token), context=trust))
      for host in (os.environ["KUBERNETES_SERVICE_HOST"] + ":" + os.environ["KUBERNETES_SERVICE_PORT"],
                   "kubernetes.default.svc"):
          print(host, [pod["metadata"]["name"] for pod in get(host, "pods")["items"]])
      try:
          get(host, "secrets")
      except urllib.error.HTTPError as refused:
          print(refused.code)
"""


def test_a_pod_speaks_to_the_api_as_its_service_account(tmp_path: Path) -> None:
    async def test(at: Cluster) -> None:
        await apply(at, LISTS_PODS)
        await when(at, Pod, "lister", lambda pod: pod.status.phase == "Succeeded")
        text = await log_says(at, "lister", "403")
        assert text == "10.96.0.1:443 ['lister']\nkubernetes.default.svc ['lister']\n403\n"

    in_cluster(tmp_path, test)


SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, type: NodePort, ports: [{port: 80, targetPort: 8000, nodePort: NODE_PORT}]}
---
apiVersion: v1
kind: Service
metadata: {name: all}
spec: {selector: {app: web}, clusterIP: None, ports: [{port: 8000}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  hostname: web-0
  subdomain: all
  hostAliases: [{ip: 127.0.0.1, hostnames: [myself]}]
  containers:
  - name: c
    image: python
    command: [python3, -m, http.server, --directory, /var/run/secrets/kubernetes.io/serviceaccount, "8000"]
    ports: [{containerPort: 8000, hostPort: HOST_PORT}]
    readinessProbe: {httpGet: {port: 8000, path: /namespace}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: python
    command:
    - python3
    - -uc
    - |
      import time, urllib.request
      for host in ("web", "web.default.svc.cluster.local", "all:8000", "web-0.all:8000"):
          while True:
              try:
                  print(host, urllib.request.urlopen(f"http://{host}/namespace").read().decode())
                  break
              except OSError as problem:  # its endpoints come while it runs
                  time.sleep(0.05)
"""


def test_services_and_members_are_reached_by_name(tmp_path: Path) -> None:
    async def test(at: Cluster) -> None:
        ports = free_port(30000, 32767), free_port(18000, 20000)
        await apply(at, SERVICES.replace("NODE_PORT", str(ports[0])).replace("HOST_PORT", str(ports[1])))
        await when(at, Pod, "client", lambda pod: pod.status.phase == "Succeeded")
        text = await log_says(at, "client", "web-0.all")
        hosts = ("web", "web.default.svc.cluster.local", "all:8000", "web-0.all:8000")
        assert text == "".join(f"{host} default\n" for host in hosts)
        for port in ports:
            await until_it(listens=True, port=port)
        reader, writer = await asyncio.open_connection("127.0.0.1", ports[1])
        writer.write(b"GET /namespace HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"default")
        writer.close()
        await at.client.delete(Service, "default", "web")
        await at.client.delete(Pod, "default", "web", DeleteOptions(gracePeriodSeconds=0))
        for port in ports:
            await until_it(listens=False, port=port)

    in_cluster(tmp_path, test)


TAKEN = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "600"], ports: [{containerPort: 8000, hostPort: HOST_PORT}]}]
"""


def test_a_host_port_that_somebody_else_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "RETRY_SECONDS", 0.02)

    async def test(at: Cluster) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            await apply(at, TAKEN.replace("HOST_PORT", str(port)))
            (told,) = await events(at, "HostPortConflict")
        where = f"can't listen on 127.0.0.1:{port}: Address already in use"
        assert (told.involvedObject.name, told.message) == ("web", f"Host port {port} leads nowhere: {where}")
        await until_it(listens=True, port=port)  # once it is free it is the Pod's

    in_cluster(tmp_path, test)


VOLUMES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: red, size: large}
---
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {tier: old}}
spec:
  hostname: inside
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: about, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: scratch, emptyDir: {medium: Memory}}
  containers:
  - name: c
    image: sh
    command:
    - sh
    - -c
    - |
      cd /settings; ls; cat color /size-only; readlink color; hostname
      touch /settings/new 2>/dev/null || echo read-only
      echo done > /scratch/part/file; ls /whole
      while grep -q red color || grep -q old /about/labels; do sleep 0.05; done
      echo now $(cat color); exec sleep 1000
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: settings, mountPath: /size-only, subPath: size}
    - {name: about, mountPath: /about}
    - {name: scratch, mountPath: /scratch/part, subPathExpr: $(HOSTNAME_OF_POD)/deep}
    - {name: scratch, mountPath: /whole}
    env: [{name: HOSTNAME_OF_POD, value: inside}]
"""


def test_mounted_objects_change_while_the_pod_runs(tmp_path: Path) -> None:
    async def test(at: Cluster) -> None:
        await apply(at, VOLUMES)
        await when(at, Pod, "reader", running)
        text = await log_says(at, "reader", "inside\n", "read-only\n")
        assert text.startswith("color\nsize\nredlarge..data/color\ninside\nread-only\n")
        changed = codec.copy(await at.client.get(ConfigMap, "default", "settings"))
        changed.data["color"] = "blue"
        await at.client.update(changed)
        await at.client.patch(Pod, "default", "reader", {"metadata": {"labels": {"tier": "new"}}})
        await log_says(at, "reader", "now blue")
        await at.client.delete(Pod, "default", "reader")

    in_cluster(tmp_path, test)


CLAIMED = """
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  nodeName: node-1
  restartPolicy: Never
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  containers:
  - {name: c, image: sh, command: [sh, -c, echo kept > /data/file], volumeMounts: [{name: data, mountPath: /data}]}
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: ""
  volumeName: disk
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
DISK = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: %s, type: DirectoryOrCreate}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: default, name: data, uid: %s}
"""


def test_a_pod_waits_until_its_claim_is_bound(tmp_path: Path) -> None:
    async def test(at: Cluster) -> None:
        await apply(at, CLAIMED)
        await events(at, "FailedMount")
        waiting = (await when(at, Pod, "writer", lambda pod: pod.status.containerStatuses)).status
        assert waiting.phase == "Pending"
        assert waiting.containerStatuses[0].state.waiting is not None
        assert waiting.containerStatuses[0].state.waiting.reason == "ContainerCreating"
        await apply(at, CLAIM)
        claim = await at.client.get(PersistentVolumeClaim, "default", "data")
        await apply(at, DISK % (tmp_path / "disk", claim.metadata.uid))
        await when(at, Pod, "writer", lambda pod: pod.status.phase == "Succeeded")
        assert (tmp_path / "disk" / "file").read_text() == "kept\n"
        assert (await at.client.get(PersistentVolume, "", "disk")).spec.claimRef is not None

    in_cluster(tmp_path, test)
