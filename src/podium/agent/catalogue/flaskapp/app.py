"""The tutorial's Flask app: answers /index with its version and the name of the Pod it runs in.

The image catalogue runs it as `sakuragaara/flaskapp:v1` and `:v2`. It listens on port 5000 of the address that HOST
names, which Podium sets where Pods share the machine's network; everywhere else on all addresses.
"""

from __future__ import annotations

import os
import socket

from flask import Flask, Response, jsonify

VERSION = os.environ.get("FLASKAPP_VERSION", "v1")
POD = os.environ.get("HOSTNAME") or socket.gethostname()

app = Flask(__name__)


@app.get("/")
@app.get("/index")
def index() -> str:
    return f"Hello from flaskapp {VERSION}, Pod {POD}\n"


@app.get("/healthz")
def healthz() -> str:
    return "ok\n"


@app.get("/version")
def version() -> Response:
    return jsonify(version=VERSION, pod=POD)


if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "5000")))  # noqa: S104
