"""Sources of pictures: a folder, a zip archive or an lmdb database.

A source is sent to the decoding processes, so it holds paths, not open files. `with source.open() as read: read(name, locator)`
gives a picture's bytes. Items are (name, locator) pairs. The name is for messages and the source's hash, the locator for `read`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from harness.data.archives import ZipMember, list_zip, read_member
from harness.data.finding import SUFFIXES, find_pictures
from harness.errors import HarnessError

Read = Callable[[str, Any], bytes]


class Items(Protocol):
    """(name, locator) pairs: a list, or something smaller that gives lists for slices."""

    def __len__(self) -> int: ...

    def __getitem__(self, piece: slice, /) -> Sequence[tuple[str, Any]]: ...


class Source(Protocol):
    """What preparation needs from a source. Its `str` is for messages."""

    kind: ClassVar[str]

    def open(self) -> AbstractContextManager[Read]: ...


@dataclass(frozen=True)
class FolderSource:
    """Pictures in a folder and its sub-folders. The locator is (relative path, bytes, time of change), to notice changes."""

    root: Path
    kind: ClassVar[str] = "folder"

    def items(self) -> list[tuple[str, tuple[str, int, int]]]:
        """Every picture, sorted by relative POSIX path. `find_pictures` decides what is left out."""
        found = []
        for name in find_pictures(self.root):
            status = (self.root / name).stat()
            found.append((name, (name, status.st_size, status.st_mtime_ns)))
        return found

    def __str__(self) -> str:
        return str(self.root)

    @contextmanager
    def open(self) -> Iterator[Read]:
        yield lambda name, locator: (self.root / locator[0]).read_bytes()


@dataclass(frozen=True)
class ZipSource:
    """Pictures in a zip archive. The locator holds the position of a member, so no process reads the directory again."""

    path: Path
    kind: ClassVar[str] = "zip"

    def items(self) -> list[tuple[str, ZipMember]]:
        """Every picture in the archive's order."""
        return list_zip(self.path, SUFFIXES)

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def open(self) -> Iterator[Read]:
        with self.path.open("rb") as handle:
            yield lambda name, locator: read_member(handle, locator, name)


@dataclass(frozen=True)
class LmdbSource:
    """Pictures in an lmdb database, which is a folder with data.mdb. The locator is the key."""

    root: Path
    stamp: tuple[int, int] = (0, 0)  # bytes and time of change, to notice a changed database
    kind: ClassVar[str] = "lmdb"

    def items(self) -> "LmdbKeys":
        """Every key in the database's order."""
        with self._environment() as environment:
            info, page = environment.info(), environment.stat()["psize"]
            if (info["last_pgno"] + 1) * page > (self.root / "data.mdb").stat().st_size:
                raise HarnessError(
                    f"{self.root / 'data.mdb'} is shorter than it declares; download it again"
                )  # reading on: SIGBUS
            with environment.begin() as transaction, transaction.cursor() as cursor:
                count = transaction.stat()["entries"]
                longest = max((len(key) for key in cursor.iternext(keys=True, values=False)), default=1)
                cursor.first()
                return LmdbKeys(np.fromiter(cursor.iternext(keys=True, values=False), f"S{longest}", count))

    def __str__(self) -> str:
        return str(self.root)

    @contextmanager
    def open(self) -> Iterator[Read]:
        with self._environment() as environment, environment.begin(buffers=True) as transaction:
            yield lambda name, locator: bytes(transaction.get(locator, b""))  # empty values are refused later

    @contextmanager
    def _environment(self) -> Iterator[Any]:
        import lmdb

        try:
            with lmdb.open(str(self.root), readonly=True, lock=False, readahead=False, max_dbs=0) as environment:
                yield environment
        except lmdb.Error as error:
            raise HarnessError(f"{self.root} is not a whole lmdb database ({error}); download it again") from error


class LmdbKeys:
    """The keys of a database, in an array because there are three million. A slice gives (name, key) pairs."""

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, piece: slice) -> list[tuple[str, bytes]]:
        return [(key.decode("ascii", "backslashreplace"), key) for key in self.keys[piece].tolist()]
