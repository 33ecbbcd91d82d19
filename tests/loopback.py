"""A server on this machine, for tests of downloads and uploads."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler], **state: object) -> Iterator[http.server.ThreadingHTTPServer]:
    """Yields a server that answers by `handler`. It has its address as `url`, and `state` as attributes, which handlers see."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        vars(server).update(state, url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
