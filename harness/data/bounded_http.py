"""HTTP with limits: no server, slow, broken or hostile, can keep a download waiting forever or fill the memory.

urllib limits the wait for one byte, but not how often it waits. Endless `100 Continue` answers, a header sent byte by byte or
endless trailers would keep it waiting forever. So this file counts every byte of an answer, headers included, at the socket.
"""

import http.client
import io
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

HEADERS = 1 << 16  # bytes allowed before a body, and around it


class DownloadError(Exception):
    """Why a download stopped, in words for a HarnessError."""


class TooLargeError(DownloadError):
    """The server sends more bytes than the file can have."""


@dataclass(frozen=True)
class Limits:
    """How long to wait for a server. Together with the limit on the size, they limit the whole time."""

    timeout: float = 60  # seconds without a byte
    slowest: float = 1000  # bytes per second, averaged over `timeout`


class _Counted(io.RawIOBase):
    """The bytes of a connection. DownloadError if there are too many, or too few within `limits.timeout` seconds."""

    def __init__(self, raw: io.RawIOBase, limits: Limits) -> None:
        self._raw, self._limits = raw, limits
        self._left = HEADERS
        self._began, self._received = time.monotonic(), 0

    def allow(self, size: int) -> None:
        """Allows a body of `size` bytes, an eighth more for the marks between chunks, and trailers."""
        self._left = size + size // 8 + HEADERS
        self._began, self._received = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(buffer) or 0
        self._left -= count
        self._received += count
        if self._left < 0:
            raise TooLargeError("it sends without end; expected a file")
        if count:
            self._check_pace()
        return count

    def _check_pace(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds > self._limits.timeout:
            if self._received < self._limits.slowest * seconds:
                raise DownloadError(f"fewer than {self._limits.slowest:g} bytes a second")
            self._began, self._received = time.monotonic(), 0

    def close(self) -> None:
        self._raw.close()
        super().close()


class Answer(http.client.HTTPResponse):
    """A server's answer. Its bytes are counted from the first."""

    def __init__(self, sock: socket.socket, *rest: Any, limits: Limits, **options: Any) -> None:
        super().__init__(sock, *rest, **options)
        self.counted = _Counted(self.fp.detach(), limits)
        self.fp = io.BufferedReader(self.counted)


class _Web(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens http:// and https:// by connections whose answers are counted."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPConnection), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPSConnection), req)

    def _connection(self, kind: type[http.client.HTTPConnection], host: str, **options: Any) -> http.client.HTTPConnection:
        connection = kind(host, **options)
        connection.response_class = partial(Answer, limits=self.limits)  # type: ignore[assignment]
        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to web addresses only. Does not read the page that comes with one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(("https://", "http://")):
            raise urllib.error.HTTPError(req.full_url, code, "it redirects to something other than the web", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage
    ) -> IO[bytes] | None:
        fp.close()  # urllib would read all of it, whatever its size
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302  # as in urllib


def open_answer(url: str, have: int, limits: Limits) -> Answer | None:
    """The server's answer to a request for everything after `have` bytes. None if it says that there is nothing more.

    DownloadError if there is no usable answer.
    """
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        return cast(Answer, urllib.request.build_opener(_Web(limits), _Redirects).open(request, timeout=limits.timeout))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the part is whole, or belongs to another file; the checksum will tell
            return None
        raise DownloadError(said(error.reason or f"status {error.code}")) from error
    except urllib.error.URLError as error:
        raise DownloadError(said(error.reason)) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise DownloadError(said(error)) from error


def said(error: object) -> str:
    """The message of the server or the network, cut to 200 printable characters."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
    return "".join(character if character.isprintable() else "?" for character in text[:200])
