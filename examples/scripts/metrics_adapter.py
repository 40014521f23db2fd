"""An API server of metrics behind the cluster's own: custom.metrics.k8s.io and external.metrics.k8s.io.

It asks Pods for their figures (port 8080, /metrics). Its external metrics are files, a number in each. It makes a
certificate for itself, and answers only who has the one by which the cluster's API server is known.

Arguments: the folder of ConfigMap extension-apiserver-authentication, the folder of the external metrics.
"""

import json
import os
import ssl
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

trust, outside = Path(sys.argv[1]), Path(sys.argv[2])
account = Path("/var/run/secrets/kubernetes.io/serviceaccount")
api = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
CUSTOM, EXTERNAL = "custom.metrics.k8s.io/v1beta2", "external.metrics.k8s.io/v1beta1"


def pods(namespace: str, selector: str) -> list[Any]:
    """The running Pods that a selector names."""
    where = f"{api}/api/v1/namespaces/{namespace}/pods?labelSelector={quote(selector)}"
    request = Request(where, headers={"Authorization": f"Bearer {(account / 'token').read_text()}"})
    with urlopen(request, timeout=5, context=ssl.create_default_context(cafile=str(account / "ca.crt"))) as answer:
        return [pod for pod in json.load(answer)["items"] if pod["status"]["phase"] == "Running"]


def of_pods(namespace: str, metric: str, selector: str) -> list[Any]:
    items = []
    for pod in pods(namespace, selector):
        try:
            with urlopen(f"http://{pod['status']['podIP']}:8080/metrics", timeout=2) as answer:
                value = json.load(answer)[metric]
        except (OSError, KeyError):
            continue  # it doesn't listen yet, or has no such figure
        described = {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"]}
        items.append(
            {"describedObject": described, "metric": {"name": metric}, "timestamp": now(), "value": str(value)}
        )
    return items


def external(metric: str) -> list[Any]:
    value = (outside / Path(metric).name).read_text().strip()
    return [{"metricName": metric, "metricLabels": {}, "timestamp": now(), "value": value}]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(path: str, query: dict[str, list[str]]) -> Any:
    match path.strip("/").split("/"):
        case ["apis", group, version] if f"{group}/{version}" in (CUSTOM, EXTERNAL):
            name = "pods/people" if group.startswith("custom") else "guests"
            kind = "MetricValueList" if group.startswith("custom") else "ExternalMetricValueList"
            row = {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get"]}
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{group}/{version}",
                "resources": [row],
            }
        case ["apis", group, version, "namespaces", namespace, "pods", "*", metric] if f"{group}/{version}" == CUSTOM:
            items = of_pods(namespace, metric, query.get("labelSelector", [""])[0])
            return {"kind": "MetricValueList", "apiVersion": CUSTOM, "metadata": {}, "items": items}
        case ["apis", group, version, "namespaces", _, metric] if f"{group}/{version}" == EXTERNAL:
            return {
                "kind": "ExternalMetricValueList",
                "apiVersion": EXTERNAL,
                "metadata": {},
                "items": external(metric),
            }
    raise FileNotFoundError(path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/readyz":
            self.reply(200, "ok")
        elif not self.connection.getpeercert():
            self.reply(403, status(403, "Forbidden", "this is only for the cluster's API server"))
        else:
            try:
                self.reply(200, answer(url.path, parse_qs(url.query)))
            except FileNotFoundError as error:
                self.reply(404, status(404, "NotFound", f"the server could not find {error}"))

    def reply(self, code: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Questions are not worth a line."""


def status(code: int, reason: str, message: str) -> Any:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def listening() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(trust / "requestheader-client-ca-file")
    context.verify_mode = ssl.CERT_OPTIONAL  # who asks only whether it is ready has none
    with tempfile.TemporaryDirectory() as folder:
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=metrics-adapter -keyout key -out cert"
        subprocess.run(command.split(), cwd=folder, check=True, stderr=subprocess.DEVNULL)
        context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
    return context


server = ThreadingHTTPServer(("", 8443), Handler)
server.socket = listening().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
