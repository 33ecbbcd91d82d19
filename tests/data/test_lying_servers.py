"""Whatever a server answers, a download ends with the file that was asked for or with one line, and within bounds."""

import hashlib
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.data import download
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


@pytest.mark.parametrize(("drops", "message"), [(0, "timed out"), (40, "fewer than 1000 bytes a second")])
def test_a_silent_and_a_dripping_server_are_given_up(tmp_path, monkeypatch, drops, message):
    done = threading.Event()

    def drip(request):
        request.sendall(OK + b"Content-Length: 1000\r\n\r\n")
        for _ in range(drops):
            request.sendall(b"x")
            time.sleep(0.05)
        done.wait(20)

    monkeypatch.setattr(download, "TIMEOUT", 0.4)
    with serving(drip) as url, pytest.raises(HarnessError, match=message):
        fetch(url, tmp_path / "file", SHA256)
    done.set()


def test_a_full_disk_is_not_the_servers_fault(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "file.part").symlink_to("/dev/full")
    with serving(lambda request: request.sendall(OK + b"\r\n" + CONTENT)) as url, pytest.raises(OSError, match="No space left"):
        fetch(url, tmp_path / "file", SHA256)
