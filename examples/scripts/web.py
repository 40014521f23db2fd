"""A web server whose pages cost CPU time. Argument: seconds of work for a page."""

import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

work = float(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/healthz":
            end = time.thread_time() + work
            while time.thread_time() < end:
                sum(range(1000))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{socket.gethostname()}\n".encode())

    def log_message(self, *_: object) -> None:
        """Pages are not worth a line."""


ThreadingHTTPServer(("", 8080), Handler).serve_forever()
