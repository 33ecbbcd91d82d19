"""A Hugging Face hub on loopback: one repository, whose files are what was last committed to it."""

import base64
import hashlib
import http.server
import json
from contextlib import contextmanager

from tests.loopback import serving

REPOSITORY, COMMIT, TOKEN = "me/lada", "1" * 40, "hf_of_the_test"


class Handler(http.server.BaseHTTPRequestHandler):
    """The few addresses that creating, uploading and downloading need."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self._chunks()
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/repos/create":
            return self._answer(200, {"url": f"{self.server.url}/{REPOSITORY}", "name": REPOSITORY, "id": REPOSITORY})
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.path.startswith(f"/api/models/{REPOSITORY}/preupload/"):
            names = [file["path"] for file in json.loads(content)["files"]]
            return self._answer(
                200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
            )
        if self.path.startswith(f"/api/models/{REPOSITORY}/commit/"):
            return self._commit(content)
        return self._answer(404, {"error": self.path})

    def do_GET(self):
        if self.path.startswith(f"/api/models/{REPOSITORY}"):
            siblings = [{"rfilename": name} for name in self.server.files]
            return self._answer(200, {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings})
        name = self.path.rpartition("/")[2]
        if self.path != f"/{REPOSITORY}/resolve/main/{name}" or name not in self.server.files:
            return self._answer(404, {"error": self.path}, {"X-Error-Code": "EntryNotFound"})
        content = self.server.files[name]
        etag = hashlib.sha256(content).hexdigest()
        return self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"})

    do_HEAD = do_GET

    def _chunks(self):
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _commit(self, content):
        lines = [json.loads(line) for line in content.splitlines()]
        files = [line["value"] for line in lines if line["key"] == "file"]
        self.server.files = {file["path"]: base64.b64decode(file["content"]) for file in files}
        self.server.messages.append(lines[0]["value"]["summary"])
        address = f"{self.server.url}/{REPOSITORY}/commit/{COMMIT}"
        return self._answer(200, {"success": True, "commitOid": COMMIT, "commitUrl": address, "hookOutput": ""})

    def _answer(self, status, value, headers=None):
        return self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status, content, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def fake_hub():
    """Yields the server: its `url`, the `files` of its repository, `messages` of commits, and what was `asked`."""
    with serving(Handler, files={}, messages=[], asked=[], daemon_threads=True) as server:
        yield server
