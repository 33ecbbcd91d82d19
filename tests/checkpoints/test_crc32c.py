"""CRC-32C against RFC 3720's values and against a loop over bytes."""

import bundle_writer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkpoints import crc32c as module
from harness.checkpoints.crc32c import crc32c, unmask

GOLD = [  # RFC 3720, appendix B.4, and the check value of every catalogue
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
]


@pytest.mark.parametrize(("data", "expected"), GOLD)
def test_published_values(data, expected):
    assert crc32c(data) == bundle_writer.crc32c(data) == expected
    assert crc32c(bytearray(data)) == crc32c(memoryview(data)) == expected


@pytest.mark.parametrize("size", [1, 4 * (1 << 14) - 4, 4 * (1 << 14) - 3, 4 * (1 << 14), 4 * (1 << 14) + 1, 300_001])
def test_whole_rows_and_what_is_left_over(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bundle_writer.crc32c(data)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([1, 2, 8, 1 << 14]))
def test_any_bytes_in_rows_of_any_length(data, lanes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LANES", lanes)
        assert crc32c(data) == bundle_writer.crc32c(data)


@given(st.integers(0, 2**32 - 1))
def test_unmasking_undoes_masking(crc):
    assert unmask(bundle_writer.masked(crc)) == crc
