"""Server-side apply on the wire: status codes, parameters, kubectl --server-side and helm, whose default it is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.harness import CONFIG_MAPS, DEPLOYMENT, KUBECTL, TOOLS, Harness, Kubectl, Serve, config_map

HELM = TOOLS / "helm"
APPLY = "application/apply-patch+yaml"

with_tools = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (KUBECTL.exists() and HELM.exists()), reason="scripts/install_test_tools has not been run"),
    pytest.mark.xdist_group("kubectl"),
]


async def patch(server: Harness, query: str, body: Any, media: str = APPLY, name: str = "a") -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    async with server.admin.patch(f"{CONFIG_MAPS}/{name}?{query}", data=text, headers={"Content-Type": media}) as got:
        return got.status, await got.json(content_type=None)


def test_created_then_changed(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"
        status, made = await patch(server, "fieldManager=me", yaml)
        assert (status, made["data"]) == (201, {"x": "1"})
        assert made["metadata"]["managedFields"][0]["manager"] == "me"
        status, same = await patch(server, "fieldManager=me", config_map("a", x="1"))
        assert (status, same) == (200, made)

    serve(check)


def test_conflict(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await patch(server, "fieldManager=a", config_map("a", x="1"))
        status, refused = await patch(server, "fieldManager=b", config_map("a", x="2"))
        assert status == 409
        assert refused["message"] == 'Apply failed with 1 conflict: conflict with "a": .data.x'
        assert refused["details"]["causes"] == [
            {"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".data.x"}
        ]
        status, forced = await patch(server, "fieldManager=b&force=true", config_map("a", x="2"))
        assert (status, forced["data"]) == (200, {"x": "2"})

    serve(check)


@pytest.mark.parametrize(
    ("query", "body", "media", "status", "message"),
    [
        (
            "",
            config_map("a"),
            APPLY,
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        ),
        (
            "force=true",
            {},
            "application/merge-patch+json",
            422,
            'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
        ),
        (
            f"fieldManager={'x' * 129}",
            config_map("a"),
            APPLY,
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
        ),
        (
            "fieldManager=me&fieldValidation=Strict",
            'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "1"}\ndata: {y: "1"}\n',
            APPLY,
            400,
            'error strict decoding YAML: yaml: unmarshal errors:\n  line 5: key "data" already set in map',
        ),
        (
            "fieldManager=me&fieldValidation=Ignore",
            {**config_map("a"), "dada": {}},
            APPLY,
            500,
            "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dada: field not declared in schema",
        ),
    ],
)
def test_refused(serve: Serve, query: str, body: Any, media: str, status: int, message: str) -> None:
    async def check(server: Harness) -> None:
        got, answer = await patch(server, query, body, media)
        assert (got, answer["message"]) == (status, message)

    serve(check)


def test_creating_needs_the_right_to_create(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}
        await server.post(f"{rbac}/roles", {"metadata": {"name": "patcher"}, "rules": [rule]})
        binding = {
            "metadata": {"name": "alice"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "patcher"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}],
        }
        await server.post(f"{rbac}/rolebindings", binding)
        body = {"json": config_map("a", x="1"), "headers": {"Content-Type": APPLY}}
        status, refused = await server.as_alice("PATCH", f"{CONFIG_MAPS}/a?fieldManager=me", **body)
        assert status == 403
        assert 'User "alice" cannot create resource "configmaps"' in refused["message"]
        await server.post(CONFIG_MAPS, config_map("a", y="1"))
        status, _ = await server.as_alice("PATCH", f"{CONFIG_MAPS}/a?fieldManager=me", **body)
        assert status == 200

    serve(check)


def test_the_program_is_the_manager_of_other_writes(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        _, made = await server.post(CONFIG_MAPS, config_map("a"), **{"User-Agent": "editor/1.0 (linux)"})
        (entry,) = made["metadata"]["managedFields"]
        assert (entry["manager"], entry["operation"]) == ("editor", "Update")
        assert entry["fieldsV1"] == {"f:data": {".": {}, "f:key": {}}}
        path = f"{CONFIG_MAPS}/a?fieldManager=other"
        async with server.admin.patch(
            path, data='{"data":{"key":"new"}}', headers={"Content-Type": "application/merge-patch+json"}
        ) as response:
            changed = await response.json()
        assert [one["manager"] for one in changed["metadata"]["managedFields"]] == ["editor", "other"]
        assert changed["metadata"]["managedFields"][1]["fieldsV1"] == {"f:data": {"f:key": {}}}

    serve(check)


# --- stock tools ----------------------------------------------------------------------------------------------------


class TestKubectl:
    pytestmark = with_tools

    def test_apply_conflict_force(self, kubectl: Kubectl, namespace: str) -> None:
        def apply(*args: str, text: str = DEPLOYMENT, fails: bool = False) -> str:
            return kubectl("apply", "--server-side", "-n", namespace, "-f", "-", *args, stdin=text, fails=fails)

        assert apply() == "deployment.apps/web serverside-applied\n"
        assert apply() == "deployment.apps/web serverside-applied\n"
        kubectl("scale", "deploy", "web", "-n", namespace, "--replicas=3")
        refused = apply(fails=True)
        assert (
            'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: '
            ".spec.replicas" in refused
        )
        apply("--force-conflicts")
        with_label = DEPLOYMENT.replace("{app: web}}\nspec", "{tier: front}}\nspec", 1)
        apply("--field-manager=other", text=with_label)
        found = json.loads(kubectl("get", "deploy", "web", "-n", namespace, "-o", "json", "--show-managed-fields"))
        assert found["spec"]["replicas"] == 2
        assert found["metadata"]["labels"] == {"app": "web", "tier": "front"}
        assert {one["manager"] for one in found["metadata"]["managedFields"]} == {"kubectl", "other"}
        assert "managedFields" not in kubectl("get", "deploy", "web", "-n", namespace, "-o", "yaml")
        assert ".spec.foo: field not declared in schema" in apply(
            text=DEPLOYMENT.replace("replicas: 2", "foo: 2"), fails=True
        )

    def test_dry_run_and_diff(self, kubectl: Kubectl, namespace: str) -> None:
        arguments = ("--server-side", "-n", namespace, "-f", "-")
        kubectl("apply", *arguments, "--dry-run=server", stdin=DEPLOYMENT)
        kubectl("get", "deploy", "web", "-n", namespace, fails=True)
        kubectl("apply", *arguments, stdin=DEPLOYMENT)
        assert kubectl("diff", *arguments, stdin=DEPLOYMENT) == ""

    def test_from_client_side(self, kubectl: Kubectl, namespace: str) -> None:
        """kubectl hands over what it owned without --server-side, so that it can take fields out again."""
        kubectl("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
        changed = DEPLOYMENT.replace("replicas: 2", "replicas: 4").replace(", labels: {app: web}}\nspec", "}\nspec", 1)
        kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=changed)
        found = json.loads(kubectl("get", "deploy", "web", "-n", namespace, "-o", "json", "--show-managed-fields"))
        assert found["spec"]["replicas"] == 4
        assert "labels" not in found["metadata"]
        assert {one["manager"] for one in found["metadata"]["managedFields"]} == {"kubectl", "kubectl-last-applied"}
        assert kubectl("apply", "-n", namespace, "-f", "-", stdin=changed) == "deployment.apps/web configured\n"


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "values.yaml": "replicas: 1\ntier: front\n",
    "templates/settings.yaml": """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: {tier: {{ .Values.tier }}}
data:
  {{- if .Values.motd }}
  motd: {{ .Values.motd }}
  {{- end }}
  always: "yes"
""",
    "templates/web.yaml": DEPLOYMENT.replace("name: web,", "name: {{ .Release.Name }},").replace(
        "replicas: 2", "replicas: {{ .Values.replicas }}"
    ),
    "templates/service.yaml": """
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
""",
}
Helm = Callable[..., str]


class TestHelm:
    pytestmark = with_tools

    @pytest.fixture
    def chart(self, tmp_path: Path) -> Path:
        for name, text in CHART.items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "shop"

    @pytest.fixture
    def helm(self, kubeconfig: Path, tmp_path: Path) -> Helm:
        env = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}

        def run(*args: str, fails: bool = False) -> str:
            done = subprocess.run([str(HELM), *args], env=env, capture_output=True, text=True, timeout=120, check=False)
            assert (done.returncode != 0) == fails, done.stdout + done.stderr
            return done.stderr if fails else done.stdout

        return run

    def test_install_upgrade_uninstall(self, helm: Helm, kubectl: Kubectl, namespace: str, chart: Path) -> None:
        place = ("-n", namespace)
        assert "STATUS: deployed" in helm("install", "shop", str(chart), "--set", "motd=hello", *place)

        def read(kind: str) -> Any:
            return json.loads(kubectl("get", kind, "shop", *place, "-o", "json", "--show-managed-fields"))

        assert read("configmap")["data"] == {"motd": "hello", "always": "yes"}
        assert [(one["manager"], one["operation"]) for one in read("deploy")["metadata"]["managedFields"]] == [
            ("helm", "Apply")
        ]
        address = read("service")["spec"]["clusterIP"]
        helm("upgrade", "shop", str(chart), "--set", "replicas=3", *place)
        assert read("configmap")["data"] == {"always": "yes"}, "what the chart no longer says is gone"
        assert read("deploy")["spec"]["replicas"] == 3
        assert read("service")["spec"]["clusterIP"] == address
        kubectl("scale", "deploy", "shop", *place, "--replicas=5")
        refused = helm("upgrade", "shop", str(chart), *place, fails=True)
        assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refused
        helm("upgrade", "shop", str(chart), "--set", "replicas=2", "--force-conflicts", *place)
        assert read("deploy")["spec"]["replicas"] == 2
        helm("rollback", "shop", "1", *place)
        assert read("configmap")["data"] == {"motd": "hello", "always": "yes"}
        assert "uninstalled" in helm("uninstall", "shop", *place)
        assert "NotFound" in kubectl("get", "deploy", "shop", *place, fails=True)
