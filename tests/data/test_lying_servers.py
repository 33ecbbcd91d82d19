"""Whatever a server answers, a download ends within its limits: with the right file or with one line."""

import hashlib
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.data.bounded_http import Limits
from harness.data.download import fetch
from harness.errors import HarnessError

CONTENT = bytes(range(256)) * 1000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OK = b"HTTP/1.1 200 OK\r\n"
FOUND = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"

LIES = {
    "bad status line": b"HTP/9 what\r\n\r\n",
    "no answer": b"",
    "status of no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "over-long header": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    "too many headers": OK + b"X: y\r\n" * 200 + b"\r\n",
    "length of no number": OK + b"Content-Length: 3e6\r\n\r\nabc",
    "negative length": OK + b"Content-Length: -3\r\n\r\nabc",
    "endless length": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "broken chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "cut chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n400\r\nabc",
    "endless redirection": FOUND + b"Location: /file\r\n\r\n",
    "redirection to a file": FOUND + b"Location: file:///etc/passwd\r\n\r\n",
    "redirection to nonsense": FOUND + b"Location: http://[::1\r\n\r\n",
    "control characters": b"HTTP/1.1 500 \x1b[2Jgone\r\nContent-Length: 0\r\n\r\n",
    "another range": b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 7-9/10\r\nContent-Length: 3\r\n\r\nabc",
    "another file": OK + b"Content-Length: 3\r\n\r\nabc",
    "larger than it can be": OK + b"Content-Length: 400000000\r\n\r\n",
    "larger than it said": OK + b"\r\n" + b"x" * 2_000_000,
}


@contextmanager
def serving(handle):
    """The address of a server whose every connection is given to `handle`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            with suppress(OSError):
                handle(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/file"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", LIES)
@pytest.mark.parametrize("resumed", [False, True])
def test_whatever_a_server_answers_is_one_line(tmp_path, kind, resumed):
    if resumed:
        (tmp_path / "file.part").write_bytes(CONTENT[:500])
    with serving(lambda request: request.sendall(LIES[kind])) as url, pytest.raises(HarnessError) as caught:
        fetch(url, tmp_path / "file", SHA256, max_bytes=1_000_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert not (tmp_path / "file").exists()
    assert all(path.stat().st_size <= 1_000_000 for path in tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["larger than it can be", "larger than it said"])
def test_what_is_too_large_is_not_kept(tmp_path, kind):
    with serving(lambda request: request.sendall(LIES[kind])) as url, pytest.raises(HarnessError, match="expected at most"):
        fetch(url, tmp_path / "file", SHA256, max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
# {name: (what is sent first, what is sent again and again, the message)}
FOR_EVER = {
    "continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "sends without end"),
    "headers of a continue": (b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n", "sends without end|got more than 100 headers"),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 1000, "sends without end"),
    "empty chunk sizes": (CHUNKED, b"1;" + b"x" * 60_000 + b"\r\na\r\n", "sends without end|longer than declared"),
    "page of a redirection": (b"HTTP/1.1 302 Found\r\nLocation: /file\r\n\r\n", b"x" * 1000, "infinite loop|Connection|Broken"),
}
DRIPPING = {
    "status line": b"",
    "header": OK + b"X: ",
    "continues": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX: ",
    "body": OK + b"Content-Length: 1000\r\n\r\n",
    "chunk size": CHUNKED,
    "trailers": CHUNKED + b"0\r\nX: ",
}


@pytest.mark.parametrize("kind", FOR_EVER)
def test_a_server_that_sends_for_ever_is_given_up(tmp_path, kind):
    first, again, message = FOR_EVER[kind]

    def handle(request):
        request.sendall(first)
        while True:  # until the other side has closed
            request.sendall(again)

    with serving(handle) as url, pytest.raises(HarnessError, match=message):
        fetch(url, tmp_path / "file", SHA256, max_bytes=1_000_000)


@pytest.mark.parametrize("kind", DRIPPING)
def test_a_dripping_server_is_given_up(tmp_path, kind):
    def drip(request):
        request.sendall(DRIPPING[kind])
        while True:
            request.sendall(b"1")
            time.sleep(0.02)

    with serving(drip) as url, pytest.raises(HarnessError, match="fewer than 1000 bytes a second"):
        fetch(url, tmp_path / "file", SHA256, limits=Limits(timeout=0.2))


def test_a_silent_server_is_given_up(tmp_path):
    with serving(lambda request: request.recv(1)) as url, pytest.raises(HarnessError, match="timed out"):
        fetch(url, tmp_path / "file", SHA256, limits=Limits(timeout=0.2))


def test_a_slow_server_that_keeps_the_pace_is_waited_for(tmp_path):
    def slow(request):
        request.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(CONTENT))
        for start in range(0, len(CONTENT), 64_000):
            request.sendall(CONTENT[start : start + 64_000])
            time.sleep(0.1)

    with serving(slow) as url:
        fetch(url, tmp_path / "file", SHA256, limits=Limits(timeout=0.15, slowest=1000))
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_full_disk_is_not_the_servers_fault(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "file.part").symlink_to("/dev/full")
    with serving(lambda request: request.sendall(OK + b"\r\n" + CONTENT)) as url, pytest.raises(OSError, match="No space left"):
        fetch(url, tmp_path / "file", SHA256)
