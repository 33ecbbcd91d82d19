"""Hostile names, archives, arrays and servers, made by a seed."""

import io
import random
import socketserver
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from stored_data import png

PATHS = ["../../victim/evil", "..", ".", "/etc/x", "a/b", "a\\b", "~", "a.b", "cifar10.1", "con:", "x" * 200]
SHELL = [
    "x; touch owned",
    "$(touch owned)",
    "`touch owned`",
    "a&b",
    "a|b",
    "a>b",
    "$HOME",
    "*",
    "{a,b}",
    "a'b",
    'a"b',
    "-rf",
]
TEXT = ["", "a b", "ü", "名", "a\nb", "a\tb", "%41", "a?b", "a#b", "\u202eevil", "\ud800", "=1+1", "a\0b"]
NAMES = (*PATHS, *SHELL, *TEXT)


def archives(folder: Path) -> Iterator[tuple[str, Path]]:
    """Zip archives of pictures that nothing may accept."""
    picture = png(0)
    for name in ("../1.png", "/etc/1.png", "a/../../1.png", "..\\1.png", "C:/1.png", "a/./../../1.png"):
        yield f"name {name}", _zip(folder, [("0.png", picture), (name, picture)])
    link = zipfile.ZipInfo("1.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    yield "link", _zip(folder, [(link, b"/etc/passwd")])
    yield "bomb", _zip(folder, [("1.png", bytes(80 << 20))], zipfile.ZIP_DEFLATED)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"method {method}", _zip(folder, [("1.png", picture)], method)


def _zip(folder: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "hostile.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def tars(folder: Path) -> Iterator[tuple[str, Path]]:
    """Archives in place of CIFAR-10's that nothing may accept."""
    kinds: dict[str, dict[str, object]] = {
        "climbs": {"name": "../a.bin"},
        "absolute": {"name": "/a.bin"},
        "link": {"name": "a.bin", "type": tarfile.SYMTYPE, "linkname": "/"},
        "hard link": {"name": "a.bin", "type": tarfile.LNKTYPE, "linkname": "b"},
        "device": {"name": "a.bin", "type": tarfile.CHRTYPE},
        "other size": {"name": "a.bin"},
        "not asked for": {"name": "c.bin"},
    }
    for kind, fields in kinds.items():
        path = folder / "hostile.tgz"
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo()
            for key, value in fields.items():
                setattr(info, key, value)
            info.size = 3 if kind in ("other size", "not asked for", "climbs", "absolute") else 0
            archive.addfile(info, io.BytesIO(b"abc"))
        yield kind, path


def arrays(rng: random.Random, folder: Path) -> Iterator[tuple[str, Path]]:
    """Statistics files of which none describes two Gaussians."""
    good = {"mu": np.zeros(3), "sigma": np.eye(3), "mu_s": np.zeros(2), "sigma_s": np.eye(2)}
    shapes = [np.zeros((3, 3, 3)), np.zeros(0), np.array(3.0), np.eye(4)]
    kinds = [np.zeros(3, complex), np.array(["a"]), np.array([{}], dtype=object), np.zeros(3, bool), np.zeros(3, np.uint8)]
    kinds += [np.zeros(3, [("a", "f8")]), np.array("2020", "M8[Y]")]
    values = [np.full(3, np.nan), np.full((3, 3), np.inf), -np.eye(3), np.triu(np.ones((3, 3))), np.eye(3)[::-1]]
    bad = [*shapes, *kinds, *values]
    path = folder / "hostile.npz"
    for name in good:
        for value in bad:
            np.savez(path, **{**good, name: value})
            yield f"{name} {value.dtype} {value.shape}", path
        np.savez(path, **{key: value for key, value in good.items() if key != name})
        yield f"no {name}", path
    for count in (np.array(-1), np.array(1), np.array(0.5), np.array("9"), np.zeros(2, int), np.array(2**62)):
        np.savez(path, **good, count=count)
        yield f"count {count}", path
    for _ in range(20):
        header = b"\x93NUMPY" + rng.randbytes(2) + rng.randbytes(rng.randrange(200))
        with zipfile.ZipFile(path, "w") as archive:
            for key in good:
                archive.writestr(f"{key}.npy", header)
        yield "random header", path


OK = b"HTTP/1.1 200 OK\r\n"


def answers(rng: random.Random, content: bytes, tries: int) -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """What a server may say in place of a good answer: once, and then without end."""
    good = OK + b"Content-Length: %d\r\n\r\n" % len(content) + content
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n"
    heads = (b"HTP/1.1 200 OK\r\n", b"HTTP/1.1 -1 OK\r\n", b"HTTP/9.9 200\r\n", b"\0" * 50, OK + b"Content-Range: x\r\n")
    headers = (b"A: b\r\n" * 150, b"A: " + b"b" * 70_000 + b"\r\n", b"\xff: \0\r\n")
    lengths = (b"x", b"-1", b"1e3", b"9" * 400, b"0x10", b"", b"5, 6", "٣".encode())
    endings = (b"HTTP/1.1 100 Continue\r\n\r\n", b"A: b\r\n" * 500, b"\0" * 1000, b"1\r\na\r\n", b"x")
    for number in range(tries):
        kind = rng.randrange(6)
        if kind == 0:
            yield f"head {number}", (rng.choice(heads) + rng.choice((b"", good[len(OK) :])), b"")
        elif kind == 1:
            yield f"length {number}", (OK + b"Content-Length: " + rng.choice(lengths) + b"\r\n\r\n" + content, b"")
        elif kind == 2:
            yield f"cut {number}", (rng.choice((good, chunked))[: rng.randrange(len(chunked))], b"")
        elif kind == 3:
            at, base = rng.randrange(70), rng.choice((good, chunked))
            yield f"byte {at}", (base[:at] + rng.randbytes(1) + base[at + 1 :], b"")
        elif kind == 4:
            yield f"headers {number}", (OK + rng.choice(headers) + b"\r\n", b"")
        else:
            base = rng.choice((good, chunked))
            yield f"endless {number}", (base[: rng.randrange(len(chunked) - 2)], rng.choice(endings))


@contextmanager
def serving(answer: Callable[[], tuple[bytes, bytes]]) -> Iterator[str]:
    """The address of a server that answers every request with the first part of `answer()`, and the second without end."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            first, again = answer()
            with suppress(OSError):  # the other side has had enough
                self.request.sendall(first)
                while again:
                    self.request.sendall(again)
                    time.sleep(0.05 if len(again) == 1 else 0)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/file"
        server.shutdown()
        thread.join()
