"""The reader of TensorFlow's files returns values bit for bit, and refuses any other file in one line."""

import struct
from pathlib import Path

import bundle_writer as writer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.checkpoints.bundle import bundle_files, read_bundle
from harness.checkpoints.table import read_table
from harness.checkpoints.wire import fields
from harness.errors import HarnessError

AS_WRITTEN = Path(__file__).parent / "published" / "pixel32-as-written.index"
TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a/x": np.array(7, np.int64), "graph": b"\x08\x01text"}
EIGHT = np.arange(2, dtype=np.float32)


def test_tensorflows_own_index_comes_apart_into_its_keys():
    table = read_table(AS_WRITTEN.read_bytes())
    assert table[b""] == writer.HEADER
    assert len(table) == 224 + 1
    kernel = fields(table[b"ema_generator/init/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"])
    assert (kernel[1], kernel[5]) == ([1], [16 * 64 * 64 * 4])
    assert [fields(dim)[1][0] for dim in fields(kernel[2][0])[2]] == [16, 64 * 64]


def test_values_come_back_without_the_strings(tmp_path):
    writer.write_bundle(tmp_path / "ckpt-1", TENSORS)
    found = read_bundle(tmp_path / "ckpt-1")
    assert list(found) == ["a/x", "b"]
    for key, value in found.items():
        np.testing.assert_array_equal(value, TENSORS[key], strict=True)


SHAPES = arrays.array_shapes(min_dims=0, max_dims=5, max_side=7)
VALUES = st.sampled_from(sorted(writer.DTYPES)).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))


@settings(max_examples=50)
@given(tensors=st.dictionaries(st.text(min_size=1, max_size=20), VALUES | st.binary(max_size=300), max_size=40))
def test_any_tensors_make_the_round_trip(tmp_path_factory, tensors):
    prefix = tmp_path_factory.mktemp("round-trip") / "ckpt"
    writer.write_bundle(prefix, tensors)
    found = read_bundle(prefix)
    assert list(found) == sorted((key for key in tensors if not isinstance(tensors[key], bytes)), key=str.encode)
    for key, value in found.items():
        assert (value.tobytes(), value.shape, value.dtype) == (tensors[key].tobytes(), tensors[key].shape, tensors[key].dtype)


def with_index(folder, content):
    """A checkpoint of eight bytes of data, 0 and 1 in float32, and the given index file."""
    index, data = bundle_files(folder / "ckpt-1")
    index.write_bytes(content)
    data.write_bytes(EIGHT.tobytes())
    return folder / "ckpt-1"


CRC = writer.crc32c(EIGHT.tobytes())
GOOD = writer.entry(1, (2,), 0, 8, CRC)
HEADERS = {
    "no header": [(b"a", GOOD)],
    "2 data files": [(b"", writer.message((1, 2), (3, writer.message((1, 1)))))],
    "0 data files": [(b"", writer.message((3, writer.message((1, 1)))))],
    "big-endian": [(b"", writer.message((1, 1), (2, 1), (3, writer.message((1, 1)))))],
    "not of version 1": [(b"", writer.message((1, 1), (3, writer.message((1, 2)))))],
    "header is not of version 1": [(b"", writer.HEADER + writer.message((4, 1)))],
    "field 3 of a message": [(b"", writer.message((1, 1), (3, 1)))],
    "wire type 3": [(b"", b"\x0b")],
    "a field is cut off": [(b"", b"\x1a\x05\x08")],
    "a number is cut off": [(b"", b"\x08\x80")],
    "longer than 64 bits": [(b"", b"\x08" + b"\xff" * 10)],
    "is longer than 64 bits": [(b"", b"\x08" + b"\xff" * 9 + b"\x7f")],
}
ENTRIES = {
    "dtype 19": writer.entry(19, (2,), 0, 8, CRC),
    "dtype 0": writer.entry(0, (2,), 0, 8, CRC),
    r"12 bytes for shape \(2,\)": writer.entry(1, (2,), 0, 12, CRC),
    "it has 8 bytes where its index says 4": writer.entry(1, (), 0, 4, CRC),
    "lies at byte 4": writer.entry(1, (1,), 4, 4, CRC),
    "lies at byte 1152921504606846976": writer.entry(1, (2,), 1 << 60, 8, CRC),
    "where its index says 4611686018427387904": writer.entry(1, (1 << 20, 1 << 40), 0, 1 << 62, CRC),
    "impossible": writer.entry(1, (1 << 63, 2), 0, 8, CRC),
    "up to 8 sizes": writer.entry(1, (2, *[1] * 8), 0, 8, CRC),
    "differ from their checksum": writer.entry(1, (2,), 0, 8, CRC ^ 1),
    "field 7 is unknown": writer.entry(1, (2,), 0, 8, CRC, (7, b"")),
    "shard 1 of one": writer.entry(1, (2,), 0, 8, CRC, (3, 1)),
    "field 1 of a message": writer.entry(1, (2,), 0, 8, CRC, (1, 1)),
    "lengths do not add up": writer.entry(7, (), 0, 8, CRC),
    "a number is cut off": writer.entry(7, (1 << 40,), 0, 8, CRC),
}


@pytest.mark.parametrize("reason", HEADERS)
def test_other_headers_are_refused(tmp_path, reason):
    prefix = with_index(tmp_path, writer.index([*HEADERS[reason], (b"b", GOOD)]))
    with pytest.raises(HarnessError, match=rf"ckpt-1\.index: .*{reason}.*; get the file again"):
        read_bundle(prefix)


@pytest.mark.parametrize("reason", ENTRIES)
def test_impossible_entries_are_refused(tmp_path, reason):
    prefix = with_index(tmp_path, writer.index([(b"", writer.HEADER), (b"key", ENTRIES[reason])]))
    with pytest.raises(HarnessError, match=rf"ckpt-1\.(index|data\S+): .*{reason}.*; get the file again"):
        read_bundle(prefix)


def wrong_block(entries, **changes):
    return writer.table([writer.block([(b"", writer.HEADER), *entries])], [b"~"], **changes)


def replaced(content, place, new):
    return content[:place] + new + content[place + len(new) :]


INDEX = wrong_block([(b"key", GOOD)])
TABLES = {
    "another kind of file": b"",
    "cut off, or another kind": INDEX[:-1],
    r"compression 1; TensorFlow writes none": wrong_block([(b"key", GOOD)], compression=1),
    "twice, or out of order": wrong_block([(b"key", GOOD), (b"key", GOOD)]),
    "key b'a' stands after b'key'": wrong_block([(b"key", GOOD), (b"a", GOOD)]),
    r"twice, or out of order.": writer.table([writer.block([(b"", writer.HEADER), (b"key", GOOD)])] * 2, [b"k", b"l"]),
    "differs from its checksum": replaced(INDEX, 3, b"\x7f"),
    "lies outside": replaced(INDEX, len(INDEX) - 48, writer.varint(1 << 40)),
    "a block has no room": writer.table([b"\0"], [b"~"]),
    "a block has no room for": writer.table([struct.pack("<I", 1 << 31)], [b"~"]),
    "does not fit its block": writer.table([b"\x05\x01\x00k" + struct.pack("<II", 0, 1)], [b"~"]),
    "after key b'' does not fit": writer.table([b"\x00\x01\x7fk" + struct.pack("<II", 0, 1)], [b"~"]),
    "does not fit its block.": wrong_block([(b"k" * 513, GOOD)]),
    "is not UTF-8": wrong_block([(b"\xff", GOOD)]),
    "too many for an index": INDEX + bytes(1 << 20),
}


@pytest.mark.parametrize("reason", TABLES)
def test_damaged_tables_are_refused(tmp_path, reason):
    prefix = with_index(tmp_path, TABLES[reason])
    with pytest.raises(HarnessError, match=rf"ckpt-1\.index: .*{reason}.*; get the file again"):
        read_bundle(prefix)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b""])
def test_data_of_another_length_are_refused(tmp_path, change):
    writer.write_bundle(tmp_path / "ckpt-1", TENSORS)
    data = bundle_files(tmp_path / "ckpt-1")[1]
    data.write_bytes(change(data.read_bytes()))
    with pytest.raises(HarnessError, match=r"data-00000-of-00001: it has \d+ bytes where its index says \d+"):
        read_bundle(tmp_path / "ckpt-1")


def test_tensors_that_share_bytes_are_refused(tmp_path):
    prefix = with_index(tmp_path, writer.index([(b"", writer.HEADER), (b"a", GOOD), (b"b", GOOD)]))
    with pytest.raises(HarnessError, match="'b' lies at byte 0, where 8 is next"):
        read_bundle(prefix)


def test_a_string_is_held_to_both_its_checksums(tmp_path):
    for place, reason in ((1, "a string's lengths differ"), (-1, "the values of 'graph' differ")):
        writer.write_bundle(tmp_path / "ckpt-1", {"graph": b"text"})
        data = bundle_files(tmp_path / "ckpt-1")[1]
        raw = bytearray(data.read_bytes())
        raw[place] ^= 1
        data.write_bytes(raw)
        with pytest.raises(HarnessError, match=reason):
            read_bundle(tmp_path / "ckpt-1")
