"""Who asks: certificates, tokens, impersonation, reviews."""

from __future__ import annotations

from typing import Any

from podium.server import pki
from tests.server.harness import CONFIG_MAPS, Harness, Serve, config_map

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def bind(server: Harness, role: str, subject: dict[str, str], namespace: str = "default") -> None:
    binding = {
        "metadata": {"name": f"{role}-{subject['name']}".replace(":", "-")},
        "roleRef": {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": role},
        "subjects": [subject],
    }
    status, made = await server.post(f"{RBAC}/namespaces/{namespace}/rolebindings", binding)
    assert status == 201, made


async def token_of(server: Harness, account: str, spec: dict[str, Any] | None = None) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec or {}}
    status, answer = await server.post(f"{ACCOUNTS}/{account}/token", request)
    assert status == 201, answer
    token: str = answer["status"]["token"]
    return token


async def whoami(server: Harness, token: str) -> tuple[int, Any]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with server.session(None, token) as session:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        async with session.post(path, json=review) as response:
            return response.status, await response.json()


def test_anonymous_sees_health_and_version_only(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for path, code in (("/version", 200), ("/readyz", 200), ("/api", 403), (CONFIG_MAPS, 403), ("/metrics", 403)):
            async with server.anonymous.get(path) as response:
                assert response.status == code, path
        async with server.anonymous.get(CONFIG_MAPS) as response:
            assert (await response.json())["message"] == (
                'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" '
                'in the namespace "default"'
            )

    serve(check)


def test_a_bad_token_is_refused_even_where_anonymous_may_read(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for token in ("nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
            async with server.anonymous.get("/version", headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == 401
                assert (await response.json())["message"] == "Unauthorized"

    serve(check)


def test_a_component_with_its_own_certificate(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        directory = server.files.ca.certificate.parent
        pair = pki.issue_client(
            directory, "node-1", "system:node:node-1", "system:nodes", server.server._api.services.clock.now()
        )
        async with server.session(pair) as session:
            async with session.get("/api/v1/nodes") as response:
                assert response.status == 200
            async with session.get("/apis/apps/v1/deployments") as response:
                assert response.status == 403
                assert 'User "system:node:node-1" cannot list' in (await response.json())["message"]

    serve(check)


def test_an_update_that_creates_needs_the_right_to_create(serve: Serve) -> None:
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease = {"metadata": {"name": "mine"}}

    async def check(server: Harness) -> None:
        rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["update"]}
        await server.post(f"{RBAC}/clusterroles", {"metadata": {"name": "updater"}, "rules": [rule]})
        await bind(server, "updater", {"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"})
        status, refused = await server.as_alice("PUT", f"{leases}/mine", json=lease)
        assert (status, refused["message"]) == (
            403,
            'leases.coordination.k8s.io "mine" is forbidden: User "alice" cannot create resource "leases" in API group '
            '"coordination.k8s.io" in the namespace "default"',
        )
        _, made = await server.post(leases, lease)
        assert (await server.as_alice("PUT", f"{leases}/mine", json=made))[0] == 200

    serve(check)


def test_roles_of_a_namespace_say_nothing_about_others(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        await server.post(f"{RBAC}/clusterroles", {"metadata": {"name": "owner"}, "rules": [everything]})
        await bind(server, "owner", {"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"})
        inside = "/api/v1/namespaces/default"
        assert (await server.as_alice("GET", inside))[0] == 200
        for method, path in (
            ("GET", f"{inside}/namespaces"),
            ("GET", f"{inside}/namespaces/kube-system"),
            ("DELETE", f"{inside}/namespaces/kube-public"),
            ("GET", f"{inside}/namespaces/kube-system/status"),
            ("GET", "/api/v1/watch/namespaces/default/namespaces/kube-system"),
            ("GET", f"{inside}/nodes"),
        ):
            assert (await server.as_alice(method, path))[0] == 404, path
        made = {"metadata": {"name": "mine"}}
        assert (await server.as_alice("POST", f"{inside}/namespaces", json=made))[0] == 404
        assert {"kube-public"} < {
            each["metadata"]["name"] for each in (await server.get("/api/v1/namespaces"))["items"]
        }

    serve(check)


def test_permissions_count_from_the_moment_they_are_given(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        assert (await server.as_alice("GET", CONFIG_MAPS))[0] == 403
        await bind(server, "edit", {"kind": "User", "name": "alice"})
        assert (await server.as_alice("GET", CONFIG_MAPS))[0] == 200
        assert (await server.as_alice("POST", CONFIG_MAPS, json=config_map()))[0] == 201
        assert (await server.as_alice("GET", "/api/v1/namespaces/kube-system/configmaps"))[0] == 403
        await server.admin.delete(f"{RBAC}/namespaces/default/rolebindings/edit-alice")
        assert (await server.as_alice("GET", CONFIG_MAPS))[0] == 403

    serve(check)


def test_escalation_is_refused(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await bind(server, "admin", {"kind": "User", "name": "alice"})
        role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
        path = f"{RBAC}/namespaces/default/roles"
        assert (await server.as_alice("POST", path, json=role))[0] == 201
        role = {"metadata": {"name": "s"}, "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]}
        status, refused = await server.as_alice("POST", path, json=role)
        assert status == 403
        assert "is attempting to grant RBAC permissions not currently held" in refused["message"]

    serve(check)


def test_service_account_tokens(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        _, account = await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
        token = await token_of(server, "builder")
        status, review = await whoami(server, token)
        assert status == 201
        user = review["status"]["userInfo"]
        assert user["username"] == "system:serviceaccount:default:builder"
        assert user["uid"] == account["metadata"]["uid"]
        assert user["groups"] == [*("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")]
        assert (await whoami(server, token[:-4] + "AAAA"))[0] == 401
        assert (await whoami(server, await token_of(server, "builder", {"audiences": ["vault"]})))[0] == 401
        await server.admin.delete(f"{ACCOUNTS}/builder")
        assert (await whoami(server, token))[0] == 401
        await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
        assert (await whoami(server, token))[0] == 401

    serve(check)


def test_a_token_ends_with_the_object_it_is_bound_to(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
        await server.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "key"}})
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "key"}}
        token = await token_of(server, "builder", bound)
        assert (await whoami(server, token))[0] == 201
        await server.admin.delete("/api/v1/namespaces/default/secrets/key")
        assert (await whoami(server, token))[0] == 401

    serve(check)


def test_a_token_of_a_pod_tells_its_node(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
        _, node = await server.post("/api/v1/nodes", {"metadata": {"name": "n1"}})
        spec = {"serviceAccountName": "builder", "nodeName": "n1", "containers": [{"name": "c", "image": "app:v1"}]}
        await server.post("/api/v1/namespaces/default/pods", {"metadata": {"name": "web"}, "spec": spec})
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web"}}
        token = await token_of(server, "builder", bound)
        for _ in range(2):
            status, review = await whoami(server, token)
            assert status == 201
            extra = review["status"]["userInfo"]["extra"]
            assert extra["authentication.kubernetes.io/node-name"] == ["n1"]
            assert extra["authentication.kubernetes.io/node-uid"] == [node["metadata"]["uid"]]
            assert extra["authentication.kubernetes.io/pod-name"] == ["web"]
            await server.admin.delete("/api/v1/nodes/n1")  # it ends with the Pod, not with the node

    serve(check)


def test_the_issuer_publishes_its_key(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        import jwt

        await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
        token = await token_of(server, "builder")
        keys = jwt.PyJWKSet.from_dict(await server.get("/openid/v1/jwks"))
        configuration = await server.get("/.well-known/openid-configuration")
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=configuration["issuer"])
        assert claims["sub"] == "system:serviceaccount:default:builder"
        assert claims["exp"] - claims["iat"] == 3600

    serve(check)


def test_impersonation(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        headers = {"Impersonate-User": "bob", "Impersonate-Group": "writers", "Impersonate-Extra-Scope": "view"}
        _, review = await server.post(path, {}, **headers)
        assert review["status"]["userInfo"] == {
            "username": "bob",
            "groups": ["writers", "system:authenticated"],
            "extra": {"scope": ["view"]},
        }
        status, refused = await server.as_alice("GET", CONFIG_MAPS, headers={"Impersonate-User": "bob"})
        assert status == 403
        assert refused["message"] == (
            'users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster '
            "scope"
        )
        status, _ = await server.as_alice("GET", CONFIG_MAPS, headers={"Impersonate-Group": "system:masters"})
        assert status == 400
        async with server.admin.get(CONFIG_MAPS, headers={"Impersonate-User": "bob"}) as response:
            assert response.status == 403

    serve(check)


def test_reviews_have_no_metadata(serve: Serve) -> None:
    base = "/apis/authorization.k8s.io/v1"

    async def check(server: Harness) -> None:
        spec = {"user": "alice", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
        local = f"{base}/namespaces/default/localsubjectaccessreviews"
        for path, metadata, code, why in (
            (f"{base}/subjectaccessreviews", {"name": "a"}, 422, ": must be empty"),
            (f"{base}/selfsubjectaccessreviews", {"labels": {"a": "b"}}, 422, ": must be empty"),
            (local, {"name": "a"}, 422, ": must be empty except for namespace"),
            (local, {"namespace": "other"}, 400, "does not match the namespace sent on the request"),
        ):
            asked = spec if "self" not in path else {"resourceAttributes": spec["resourceAttributes"]}
            status, refused = await server.post(path, {"metadata": metadata, "spec": asked})
            assert status == code, refused
            assert refused["message"].endswith(why)
        _, review = await server.post(local, {"spec": spec})
        assert review["metadata"] == {"namespace": "default"}

    serve(check)


def test_access_reviews(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await bind(server, "view", {"kind": "User", "name": "alice"})
        base = "/apis/authorization.k8s.io/v1"
        wanted = {"verb": "list", "group": "apps", "resource": "deployments", "namespace": "default"}
        _, review = await server.post(
            f"{base}/subjectaccessreviews", {"spec": {"user": "alice", "resourceAttributes": wanted}}
        )
        assert review["status"] == {
            "allowed": True,
            "reason": 'RBAC: allowed by RoleBinding "view-alice/default" of ClusterRole "view" to User "alice"',
        }
        status, review = await server.as_alice(
            "POST",
            f"{base}/selfsubjectaccessreviews",
            json={"spec": {"resourceAttributes": wanted | {"verb": "delete"}}},
        )
        assert (status, review["status"]) == (201, {"allowed": False})
        status, review = await server.as_alice(
            "POST", f"{base}/selfsubjectrulesreviews", json={"spec": {"namespace": "default"}}
        )
        assert any("deployments" in rule["resources"] for rule in review["status"]["resourceRules"])
        assert any("/api/*" in rule["nonResourceURLs"] for rule in review["status"]["nonResourceRules"])
        local = f"{base}/namespaces/default/localsubjectaccessreviews"
        status, _ = await server.post(local, {"spec": {"user": "alice", "resourceAttributes": wanted}})
        assert status == 201
        elsewhere = wanted | {"namespace": "other"}
        status, _ = await server.post(local, {"spec": {"user": "alice", "resourceAttributes": elsewhere}})
        assert status == 422
        status, _ = await server.post(f"{base}/subjectaccessreviews", {"spec": {"resourceAttributes": wanted}})
        assert status == 422

    serve(check)
