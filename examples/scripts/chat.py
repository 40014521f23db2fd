"""A chat without words: whoever asks for / is told who is there and stays until they hang up. /metrics counts them."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
people = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.path == "/metrics":
            self.wfile.write(json.dumps({"people": people}).encode())
        else:
            self.stay()

    def stay(self) -> None:
        global people
        with lock:
            people += 1
        try:
            self.wfile.write(f"{socket.gethostname()}\n".encode())
            while self.connection.recv(1024):
                pass  # whatever they say
        finally:
            with lock:
                people -= 1

    def log_message(self, *_: object) -> None:
        """Nobody's visit is worth a line."""


ThreadingHTTPServer(("", 8080), Handler).serve_forever()
