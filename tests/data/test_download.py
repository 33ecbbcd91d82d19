import hashlib
import http.server

import pytest

from harness.data.download import fetch, require_file, verify_checksum
from harness.errors import HarnessError
from tests.loopback import serving

CONTENT = bytes(range(256)) * 1000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; the server's `mode` says how well."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        if self.path != "/file":
            return self.send_error(404)
        start = int(self.headers["Range"][6:-1]) if self.headers.get("Range") and self.server.mode != "no ranges" else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        body = CONTENT[start:]
        self.wfile.write(body[:1000] if self.server.mode == "breaks" else body)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with serving(Server, mode="", ranges=[]) as server:
        yield server


def test_a_file_is_fetched_once(server, tmp_path):
    path = tmp_path / "data" / "file"
    assert fetch(f"{server.url}/file", path, SHA256) == path
    assert path.read_bytes() == CONTENT
    fetch(f"{server.url}/file", path, SHA256)
    assert server.ranges == [None]
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.mode = "breaks"
    with pytest.raises(HarnessError, match=r"the connection broke after 1000 bytes.*run again to go on"):
        fetch(f"{server.url}/file", tmp_path / "file", SHA256)
    assert not (tmp_path / "file").exists()
    server.mode = ""
    fetch(f"{server.url}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-"]


def test_a_server_without_ranges_starts_over(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:500])
    server.mode = "no ranges"
    fetch(f"{server.url}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_that_was_whole_already_is_taken(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    fetch(f"{server.url}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_content_is_refused_and_removed(server, tmp_path):
    with pytest.raises(HarnessError, match=r"file\.part has md5 .*; expected 00.*download it again"):
        fetch(f"{server.url}/file", tmp_path / "file", f"md5:{'00' * 16}")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"other")
    with pytest.raises(HarnessError, match="has sha256"):
        fetch(f"{server.url}/file", tmp_path / "file", SHA256)


def test_what_cannot_be_reached_is_named(server, tmp_path):
    with pytest.raises(HarnessError, match=r"/file0 could not be downloaded \(Not Found\); run again to go on, or download it"):
        fetch(f"{server.url}/file0", tmp_path / "file", SHA256)
    server.shutdown()
    server.server_close()
    with pytest.raises(HarnessError, match=r"could not be downloaded .*refused"):
        fetch(f"{server.url}/file", tmp_path / "file", SHA256)


def test_only_web_addresses_are_opened(tmp_path):
    with pytest.raises(HarnessError, match="expected one that starts with https"):
        fetch("file:///etc/passwd", tmp_path / "file", SHA256)


def test_checksums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    verify_checksum(path, "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")
    verify_checksum(path, "md5:900150983cd24fb0d6963f7d28e17f72")
    verify_checksum(path, None)
    with pytest.raises(HarnessError, match="given the checksum 'crc:1'; expected sha256"):
        verify_checksum(path, "crc:1")


def test_a_missing_file_says_where_it_is_published(tmp_path):
    with pytest.raises(
        HarnessError, match=r"no a\.zip at .*; it is published at https://x; download it and put it there, or set data\.path"
    ):
        require_file(tmp_path / "a.zip", "https://x")
