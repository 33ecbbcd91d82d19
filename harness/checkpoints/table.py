"""Reads a LevelDB table, the container of a TensorFlow checkpoint's index.

https://github.com/google/leveldb/blob/main/doc/table_format.md: data blocks, a metaindex block (empty here), an index block
whose values are the places of the data blocks, and a footer of 48 bytes with the places of the other two.
"""

from collections.abc import Iterator

from harness.checkpoints.crc32c import crc32c, unmask
from harness.checkpoints.wire import Malformed, varint

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER, _TRAILER = 48, 5  # bytes; a block's trailer is its compression and its CRC
_LONGEST_KEY = 512  # bytes; an object's path is around 100


def read_table(data: bytes) -> dict[bytes, bytes]:
    """{key: value} of a whole table, whose keys must ascend. Every block's CRC is checked. Raises Malformed."""
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise Malformed("its last 8 bytes are not a LevelDB table's: cut off, or another kind of file")
    footer = data[-_FOOTER:]
    metaindex, at = _extent(footer, 0)
    index, _ = _extent(footer, at)
    _block(data, metaindex)
    entries: dict[bytes, bytes] = {}
    latest = None
    for _, value in _entries(_block(data, index)):
        for key, entry in _entries(_block(data, _extent(value, 0)[0])):
            if latest is not None and key <= latest:
                raise Malformed(f"key {key!r} stands after {latest!r}: twice, or out of order")
            entries[key] = entry
            latest = key
    return entries


def _extent(handle: bytes, at: int) -> tuple[tuple[int, int], int]:
    """((offset, size), position after) of a block handle."""
    offset, at = varint(handle, at)
    size, at = varint(handle, at)
    return (offset, size), at


def _block(data: bytes, extent: tuple[int, int]) -> bytes:
    """A block's content, after checking its CRC."""
    offset, size = extent
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise Malformed(f"a block at {offset} of {size} bytes lies outside")
    compression = data[end]
    if compression:
        raise Malformed(f"a block has compression {compression}; TensorFlow writes none (0)")
    if crc32c(data[offset : end + 1]) != unmask(int.from_bytes(data[end + 1 : end + _TRAILER], "little")):
        raise Malformed(f"the block at {offset} differs from its checksum")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) pairs. Each stored key leaves out what it shares with the one before. Restart points end the block."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if len(block) < 4 or end < 0:
        raise Malformed("a block has no room for its restart points")
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        fresh, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or shared + fresh > _LONGEST_KEY or fresh + size > end - at:
            raise Malformed(f"the entry after key {key[:80]!r} does not fit its block")
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + size]
        at += size
