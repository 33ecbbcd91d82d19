"""Reads pictures from archives without extracting them. Names, kinds and declared sizes are checked before any byte is read."""

import errno
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from harness.data.finding import LeftOut, wanted
from harness.errors import HarnessError

MAX_MEMBER = 64 << 20  # bytes that a picture may declare; the largest of FFHQ is under 3 MiB
MAX_TOTAL = 2 << 40  # bytes that all pictures of an archive may declare together
END_LARGEST = 66_000  # bytes; the end record has at most 22 and a comment of 65,535, and zip64 adds 76 before it
LOCAL_HEADER = struct.Struct("<4s5H3L2H")


class ZipMember(NamedTuple):
    """A member of a zip archive, as the central directory declares it."""

    offset: int  # of its local header, in bytes
    compressed: int  # bytes in the archive
    size: int  # bytes once decompressed
    method: int  # of compression: zipfile.ZIP_STORED or ZIP_DEFLATED
    crc: int  # CRC-32 of the decompressed bytes


def list_zip(path: Path, suffixes: tuple[str, ...], max_member: int = MAX_MEMBER) -> list[tuple[str, ZipMember]]:
    """(name, member) of every picture in the archive, in the archive's order.

    HarnessError for a damaged archive, a name that leads outside it, or a name given twice. HarnessError also for a picture that
    is a link, encrypted, neither stored nor deflated, or over the limits. Other files are never read and may be of any size or
    kind. stderr says how many there are.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        check_member_count(path, entries)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: a seek to before the file's start
            raise
        raise HarnessError(f"{path} is not a whole zip archive ({error}); download it again") from error
    except Exception as error:  # zipfile raises many kinds of errors for damaged bytes
        raise HarnessError(f"{path} is not a whole zip archive ({error}); download it again") from error
    check_names((entry.filename for entry in entries), path)
    left_out, pictures = LeftOut(), []
    with path.open("rb") as handle:
        for entry in entries:
            if not entry.filename.endswith("/") and wanted(entry.filename, left_out, suffixes):
                pictures.append(entry)
            else:
                to_content(handle, entry.header_offset, entry.filename)  # else a picture with a damaged name would be left out
    left_out.say(path)
    for entry in pictures:
        _check_entry(entry, path, max_member)
    if sum(entry.file_size for entry in pictures) > MAX_TOTAL:
        raise HarnessError(f"{path} declares more than {MAX_TOTAL} bytes; refused as a decompression bomb")
    return [
        (entry.filename, ZipMember(entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type, entry.CRC))
        for entry in pictures
    ]


def check_member_count(path: Path, entries: Sized) -> None:
    """ValueError unless the archive's end record declares this many members.

    A damaged length in the directory can hide members, and zipfile does not compare the counts.
    """
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - END_LARGEST))
        tail = handle.read()
    (count,) = struct.unpack_from("<H", tail, tail.rindex(b"PK\x05\x06") + 10)
    if count == 0xFFFF:
        (count,) = struct.unpack_from("<Q", tail, tail.rindex(b"PK\x06\x06") + 32)  # zip64
    if len(entries) != count or not count:
        raise ValueError(f"its directory lists {len(entries)} members and declares {count}")


def _check_entry(entry: zipfile.ZipInfo, path: Path, max_member: int) -> None:
    name = entry.filename
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise HarnessError(f"{path}: {name!r} is a link; refused")
    if entry.flag_bits & 0x1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise HarnessError(
            f"{path}: {name!r} is encrypted or compressed by method {entry.compress_type}; expected stored or deflated"
        )
    if entry.file_size > max_member:
        raise HarnessError(
            f"{path}: {name!r} declares {entry.file_size} bytes, more than {max_member}; refused as a decompression bomb"
        )


def read_member(handle: BinaryIO, member: ZipMember, name: str) -> bytes:
    """The bytes of one member. `handle` is the archive, open in binary mode.

    HarnessError unless name, size and checksum are as declared.
    """
    to_content(handle, member.offset, name)
    data = handle.read(member.compressed)
    if member.method == zipfile.ZIP_DEFLATED:
        data = _inflate(data, member.size, name)
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise HarnessError(f"{name}: its bytes differ from what the archive declares; download it again")
    return data


def to_content(handle: BinaryIO, offset: int, name: str) -> None:
    """Moves to the first byte of the member whose header is at `offset`. HarnessError unless the header has this name."""
    handle.seek(offset)
    header = handle.read(LOCAL_HEADER.size)
    fields = LOCAL_HEADER.unpack(header) if len(header) == LOCAL_HEADER.size else (b"", 0, 0)
    name_length, extra_length = fields[-2:]
    local_name = handle.read(name_length)
    if fields[0] != b"PK\x03\x04" or local_name not in (name.encode(), name.encode("cp437", "replace")):
        raise HarnessError(f"{name}: the archive is damaged (another or no member where its directory says); download it again")
    handle.seek(extra_length, 1)


def _inflate(data: bytes, size: int, name: str) -> bytes:
    """Decompresses at most `size` + 1 bytes, however long the stream is."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    except zlib.error as error:
        raise HarnessError(f"{name} cannot be decompressed ({error}); download the archive again") from error


def read_tar_files(path: Path, sizes: dict[str, int], max_total: int) -> Iterator[tuple[str, bytes]]:
    """(base name, bytes) of the wanted members of a .tar.gz. sizes: {base name: bytes} of each wanted member.

    Other members are skipped. HarnessError for a damaged archive, a name that leads outside it, a link, a wanted member that is
    missing, given twice or of another size, and for members that declare more than `max_total` bytes together.
    """
    found, total = set(), 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                check_names([member.name], path)
                total += member.size
                if total > max_total:
                    raise HarnessError(f"{path} declares more than {max_total} bytes; refused as a decompression bomb")
                if not (member.isfile() or member.isdir()):
                    raise HarnessError(f"{path}: {member.name!r} is a link or a device; refused")
                name = PurePosixPath(member.name).name
                if name not in sizes or not member.isfile():
                    continue
                if name in found or member.size != sizes[name]:
                    given = "is given twice" if name in found else f"is {member.size} bytes long; expected {sizes[name]}"
                    raise HarnessError(f"{path}: {member.name!r} {given}; download it again")
                found.add(name)
                content = archive.extractfile(member)
                yield name, content.read() if content else b""
            archive.fileobj.read(1 << 20)  # reads the padding to its end, where gzip compares its own checksum
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise HarnessError(f"{path} is not a whole .tar.gz archive ({error}); download it again") from error
    if missing := sorted(set(sizes) - found):
        raise HarnessError(f"{path} lacks {', '.join(missing)}; download it again")


def check_names(names: Iterable[str], path: Path) -> None:
    """HarnessError for a name that is absolute, leads outside the archive, contains a backslash or NUL, or occurs twice."""
    seen = set()
    for name in names:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name or "\0" in name or name[1:2] == ":":
            raise HarnessError(f"{path}: member name {name!r} leaves the archive; refused")
        if name in seen:
            raise HarnessError(f"{path}: member {name!r} is given twice; refused")
        seen.add(name)
