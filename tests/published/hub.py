"""A server on this machine that plays the hub: it serves one published folder, well or badly."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import serving

DATA = "data-00000-of-00001"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        hub = self.server
        name = self.path.removeprefix("/")
        wanted = self.headers.get("Range")
        hub.asked.append((name, wanted))
        path = hub.folder / name
        if hub.mode == "redirects to a file" and name.endswith(DATA):
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if hub.mode == "has nothing" or not path.is_file():
            self.send_error(404)
            return
        content, start = path.read_bytes(), int(wanted[6:-1]) if wanted else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        body = content[start:]
        if hub.mode == "breaks" and name.endswith(DATA):
            body = body[:50_000]
        if hub.mode == "stalls" and name.endswith(DATA):
            self.wfile.write(body[:50_000])
            self.wfile.flush()
            hub.stalled.set()
            hub.go_on.wait(60)
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def playing_hub(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """The server, with its address in `url`, how it behaves in `mode`, and what it was asked for in `asked`."""
    with serving(Handler, folder=folder, mode="", asked=[], stalled=threading.Event(), go_on=threading.Event()) as server:
        yield server
        server.go_on.set()
