"""Published files: one process alone downloads one, and another content is refused with a word on how to use it."""

import hashlib
import http.server
import threading

import pytest

from harness.data.published_files import check_published, fetch_alone
from harness.errors import HarnessError
from harness.locks import InUse, output_lock
from harness.metrics.fetched import load_fetched
from tests.loopback import serving

CONTENT = bytes(range(256)) * 1000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves half of CONTENT, and the other half when it may go on."""

    def do_GET(self):
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:128_000])
        self.server.half.set()
        self.server.go_on.wait(60)
        self.wfile.write(CONTENT[128_000:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with serving(Slow, asked=0, half=threading.Event(), go_on=threading.Event()) as server:
        yield server
        server.go_on.set()


def test_a_second_download_of_a_file_is_refused_and_does_not_damage_the_first(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data" / "file"
    first = threading.Thread(target=fetch_alone, args=(f"{server.url}/file", path, SHA256))
    first.start()
    assert server.half.wait(60)
    with pytest.raises(InUse, match=rf"{path} is in use by another process \(pid \d+\); expected none; wait for it to end"):
        fetch_alone(f"{server.url}/file", path, SHA256)
    server.go_on.set()
    first.join()
    assert path.read_bytes() == CONTENT
    assert fetch_alone(f"{server.url}/file", path, SHA256) == path  # as soon as it is there, nobody waits
    with output_lock(path):
        fetch_alone(f"{server.url}/file", path, SHA256)
    assert server.asked == 1


def test_two_commands_do_not_download_the_inception_weights_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    weights = tmp_path / "torch/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    with output_lock(weights), pytest.raises(InUse, match=r"6726825d\.pth is in use by another process"):
        load_fetched("inception-v3", None, "cpu")
    assert load_fetched("digits-cnn", None, "cpu").label == "digits-cnn"


def test_a_refused_checksum_names_the_key_that_accepts_any(tmp_path):
    path = tmp_path / "archive.zip"
    path.write_bytes(b"abc")
    check_published(path, "md5:900150983cd24fb0d6963f7d28e17f72")
    check_published(path, None)
    with pytest.raises(
        HarnessError, match=r"archive\.zip has md5 9001.*; expected 0000; it is damaged or another .*download"
    ) as said:
        check_published(path, "md5:0000", "partition_checksum")
    assert str(said.value).endswith(
        "or set partition_checksum to null in its entry of data, and its scores are not compared with the paper's"
    )
