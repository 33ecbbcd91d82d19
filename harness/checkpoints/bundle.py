"""Reads a TensorFlow V2 checkpoint with numpy only. Nothing in it is executed.

The format is in TensorFlow's sources, tensorflow/core/util/tensor_bundle/tensor_bundle.h and
tensorflow/core/protobuf/tensor_bundle.proto: PREFIX.index is a LevelDB table that says of each key its tensor's type, shape,
place and CRC-32C; PREFIX.data-00000-of-00001 holds the values, little-endian and row-major, one after another.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.checkpoints.crc32c import crc32c, unmask
from harness.checkpoints.table import read_table
from harness.checkpoints.wire import Fields, Malformed, fields, single, varint
from harness.errors import HarnessError

# By their numbers in tensorflow/core/framework/types.proto.
_DTYPES: dict[int, np.dtype] = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 9: np.dtype("<i8")}
_STRING = 7
_LARGEST_INDEX = 1 << 20  # bytes; 600 variables take 34,000
_LARGEST_RANK = 8


@dataclass(frozen=True)
class _Entry:
    """The position of one tensor: `offset` and `size` in bytes, `crc` unmasked. A string's `dtype` is None."""

    dtype: np.dtype | None
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int


def bundle_files(prefix: Path | str) -> tuple[Path, Path]:
    """The index and the data file of a checkpoint, e.g. of .../ckpt-4096."""
    return Path(f"{prefix}.index"), Path(f"{prefix}.data-00000-of-00001")


def read_bundle(prefix: Path | str) -> dict[str, np.ndarray]:
    """{key: its values} of the checkpoint `prefix`, in key order: float32, float64, int32 and int64 as they were saved.

    Every block and every tensor is held to its CRC-32C. Strings (the object graph) are checked and left out. Raises
    HarnessError naming the file for one that is missing, damaged, cut off, compressed, sharded, big-endian or foreign.
    """
    index, data = bundle_files(prefix)
    with _naming(index):
        entries = _read_index(index)
    with _naming(data):
        return _read_data(data, entries)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turns errors about the file at `path` into one line that names it."""
    try:
        if not path.is_file():
            raise HarnessError(f"no file at {path}; expected a TensorFlow checkpoint's .index and .data-00000-of-00001 together")
        yield
    except Malformed as error:
        raise HarnessError(f"{path}: {error}; expected an intact TensorFlow checkpoint; get the file again") from None
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}; expected a readable file") from None


def _read_index(path: Path) -> dict[str, _Entry]:
    if path.stat().st_size > _LARGEST_INDEX:
        raise Malformed(f"it has over {_LARGEST_INDEX} bytes, too many for an index")
    table = read_table(path.read_bytes())
    if next(iter(table), None) != b"":
        raise Malformed("it has no header entry")
    _check_header(fields(table.pop(b"")))
    entries = {}
    for key, value in table.items():
        name = _name(key)
        try:
            entries[name] = _entry(fields(value))
        except Malformed as error:
            raise Malformed(f"the entry of {name!r}: {error}") from None
    return entries


def _name(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise Malformed(f"key {key!r} is not UTF-8") from None


def _check_header(header: Fields) -> None:
    """BundleHeaderProto: 1 num_shards, 2 endianness (0 little), 3 version {1 producer}."""
    shards, endianness = single(header, 1, 0), single(header, 2, 0)
    version = fields(single(header, 3, b""))
    if shards != 1:
        raise Malformed(f"the checkpoint has {shards} data files; only one can be read")
    if endianness != 0:
        raise Malformed("the checkpoint is big-endian; only little-endian can be read")
    if header.keys() - {1, 2, 3} or version != {1: [1]}:
        raise Malformed("its header is not of version 1")


def _entry(message: Fields) -> _Entry:
    """BundleEntryProto: 1 dtype, 2 shape {2 dim {1 size}}, 3 shard_id, 4 offset, 5 size, 6 crc32c. Zeros are absent."""
    if unknown := message.keys() - {1, 2, 3, 4, 5, 6}:
        raise Malformed(f"field {min(unknown)} is unknown (7 would be a partitioned variable)")
    number, shard = single(message, 1, 0), single(message, 3, 0)
    if number not in _DTYPES and number != _STRING:
        raise Malformed(f"dtype {number} is none of float32, float64, int32, int64 and string")
    if shard:
        raise Malformed(f"it lies in shard {shard} of one")
    shape = _shape(fields(single(message, 2, b"")))
    size, dtype = single(message, 5, 0), _DTYPES.get(number)
    if dtype and math.prod(shape) * dtype.itemsize != size:
        raise Malformed(f"given {size} bytes for shape {shape} of {dtype}")
    return _Entry(dtype, shape, single(message, 4, 0), size, unmask(single(message, 6, 0)))


def _shape(message: Fields) -> tuple[int, ...]:
    dims = message.get(2, [])
    if message.keys() - {2} or len(dims) > _LARGEST_RANK or any(isinstance(dim, int) for dim in dims):
        raise Malformed(f"its shape is not a list of up to {_LARGEST_RANK} sizes")
    sizes = tuple(single(fields(dim), 1, 0) for dim in dims if isinstance(dim, bytes))
    if any(not 0 < size < 1 << 48 for size in sizes):
        raise Malformed(f"its shape {sizes} is impossible")
    return sizes


def _read_data(path: Path, entries: dict[str, _Entry]) -> dict[str, np.ndarray]:
    """Reads and checks every tensor. Before anything is allocated, their positions must fill the file exactly once."""
    with path.open("rb") as handle:
        _check_places(entries, handle.seek(0, 2))
        tensors = {}
        for key, entry in entries.items():
            raw = bytearray(entry.size)
            handle.seek(entry.offset)
            if handle.readinto(raw) != entry.size:
                raise Malformed(f"it ended within {key!r} while it was read")
            if (crc32c(raw) if entry.dtype else _string_crc(raw, math.prod(entry.shape))) != entry.crc:
                raise Malformed(f"the values of {key!r} differ from their checksum")
            if entry.dtype:
                tensors[key] = np.frombuffer(raw, entry.dtype).reshape(entry.shape)
    return tensors


def _check_places(entries: dict[str, _Entry], size: int) -> None:
    end = 0
    for key, entry in sorted(entries.items(), key=lambda item: item[1].offset):
        if entry.offset != end:
            raise Malformed(f"{key!r} lies at byte {entry.offset}, where {end} is next: its index is another checkpoint's")
        end += entry.size
    if end != size:
        raise Malformed(f"it has {size} bytes where its index says {end}: cut off, or another checkpoint's")


def _string_crc(raw: bytearray, count: int) -> int:
    """The CRC of `count` strings, stored as their lengths, the lengths' own CRC, their bytes: lengths count as uint32."""
    lengths: list[int] = []
    at = 0
    while len(lengths) < count:
        length, at = varint(raw, at)
        lengths.append(length)
    if at + 4 + sum(lengths) != len(raw) or max(lengths) >> 32:
        raise Malformed("a string's lengths do not add up")
    words = b"".join(length.to_bytes(4, "little") for length in lengths)
    if crc32c(words) != unmask(int.from_bytes(raw[at : at + 4], "little")):
        raise Malformed("a string's lengths differ from their checksum")
    return crc32c(words + raw[at:])
