"""Writes TensorFlow V2 checkpoints, correct or deliberately wrong. Shares no code with the reader."""

import struct
from pathlib import Path

import numpy as np

DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data: bytes) -> int:
    """CRC-32C, a byte at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """As LevelDB stores a CRC."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    """An unsigned integer, 7 bits a byte, the lowest first."""
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def message(*pairs: tuple[int, int | bytes]) -> bytes:
    """A protocol buffer of (field number, value): integers as varints, zero left out; field 6 as fixed32."""
    out = b""
    for number, value in pairs:
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif number == 6:
            out += varint(number << 3 | 5) + struct.pack("<I", value)
        elif value:
            out += varint(number << 3) + varint(value)
    return out


HEADER = message((1, 1), (3, message((1, 1))))


def entry(dtype: int, shape: tuple[int, ...], offset: int, size: int, crc: int, *more: tuple[int, int | bytes]) -> bytes:
    """A tensor's entry in the index; `crc` as computed, not yet masked."""
    dims = message(*((2, message((1, dim))) for dim in shape))
    return message((1, dtype), (2, dims), (4, offset), (5, size), (6, masked(crc)), *more)


def block(entries: list[tuple[bytes, bytes]], interval: int = 16) -> bytes:
    """A table's block: shared beginnings of keys left out, except every `interval` entries."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(entries):
        if i % interval == 0:
            restarts.append(len(out))
            before = b""
        shared = next((n for n, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), min(len(before), len(key)))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack(f"<{len(restarts) or 1}I", *(restarts or [0])) + struct.pack("<I", len(restarts) or 1)


def sealed(content: bytes, compression: int = 0) -> bytes:
    """A table block with its trailer."""
    content += bytes([compression])
    return content + struct.pack("<I", masked(crc32c(content)))


def table(blocks: list[bytes], last_keys: list[bytes], compression: int = 0) -> bytes:
    """A whole index file of the given data blocks."""
    out, handles = b"", []
    for content in blocks:
        handles.append(varint(len(out)) + varint(len(content)))
        out += sealed(content, compression)
    places = []
    for content in (block([]), block(list(zip(last_keys, handles, strict=True)), interval=1)):
        places.append(varint(len(out)) + varint(len(content)))
        out += sealed(content)
    return out + b"".join(places).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def index(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A whole index file of one data block."""
    return table([block(entries)], [entries[-1][0] + b"~"])


def values(tensor: np.ndarray | bytes, offset: int) -> tuple[bytes, bytes]:
    """(entry, bytes in the data file) of an array or of one string."""
    if isinstance(tensor, bytes):
        lengths = struct.pack("<I", len(tensor))
        check = struct.pack("<I", masked(crc32c(lengths)))
        raw = varint(len(tensor)) + check + tensor
        return entry(7, (), offset, len(raw), crc32c(lengths + check + tensor)), raw
    raw = tensor.tobytes()
    return entry(DTYPES[tensor.dtype.name], tensor.shape, offset, len(raw), crc32c(raw)), raw


def write_bundle(prefix: Path, tensors: dict[str, np.ndarray | bytes]) -> None:
    """PREFIX.index and PREFIX.data-00000-of-00001; the values in the order given, the keys sorted."""
    entries, data = {b"": HEADER}, b""
    for key, tensor in tensors.items():
        entries[key.encode()], raw = values(tensor, len(data))
        data += raw
    prefix.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{prefix}.index").write_bytes(index(sorted(entries.items())))
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)
