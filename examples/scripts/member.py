"""A member of a StatefulSet: meets all others by their names, and remembers on its disk whom it has met.

Arguments: the name of the headless Service, the number of members, the folder of its disk.
"""

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

PORT = 8080
service, members, disk = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
me = socket.gethostname()
met: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    """/name says who this is; /met says whom it has met, and is there only when that is everybody."""

    def do_GET(self) -> None:
        complete = len(met) == members
        self.send_response(200 if self.path == "/name" or complete else 503)
        self.end_headers()
        self.wfile.write((me if self.path == "/name" else json.dumps(sorted(met))).encode())

    def log_message(self, *_: object) -> None:
        """Probes are not worth a line."""


server = ThreadingHTTPServer(("", PORT), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = me.rpartition("-")[0]
while len(met) < members:
    for number in range(members):
        name = f"{base}-{number}"
        if name not in met:
            try:
                with urlopen(f"http://{name}.{service}:{PORT}/name", timeout=1) as answer:
                    met.add(answer.read().decode())
                print("met", name, flush=True)
            except OSError:
                continue  # it isn't there yet
    time.sleep(0.1)
(disk / "met").write_text("\n".join(sorted(met)) + "\n")
threading.Event().wait()
