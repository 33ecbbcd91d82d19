"""The parts of the protocol-buffer wire format that a checkpoint's index uses: varints, byte strings, 32-bit words.

https://protobuf.dev/programming-guides/encoding
"""

from typing import TypeVar

Fields = dict[int, list[int | bytes]]  # of a message: field number to its values, in order
_Value = TypeVar("_Value", int, bytes)


class Malformed(ValueError):
    """Bytes that break their format. The message is a clause, and the file's name is put in front of it."""


def varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """The unsigned integer at position `at`, and the position after it. Raises Malformed past the end or 64 bits."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise Malformed("a number is cut off")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + index + 1
    raise Malformed("a number is longer than 64 bits")


def fields(message: bytes) -> Fields:
    """The fields of one message. Malformed if one is cut off, or has a wire type that no index has."""
    found: Fields = {}
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        value, at = _read(message, at, tag & 7)
        found.setdefault(tag >> 3, []).append(value)
    return found


def single(found: Fields, number: int, default: _Value) -> _Value:
    """The single value of a field, or `default` if absent. Malformed for several values or another wire type."""
    values = found.get(number, [default])
    if len(values) != 1 or not isinstance(values[0], type(default)):
        raise Malformed(f"field {number} of a message is not one {type(default).__name__}")
    return values[0]


def _read(message: bytes, at: int, wire_type: int) -> tuple[int | bytes, int]:
    if wire_type == 0:
        return varint(message, at)
    if wire_type == 2:
        size, at = varint(message, at)
    elif wire_type == 5:
        size = 4
    else:
        raise Malformed(f"a message has wire type {wire_type}")
    if size > len(message) - at:
        raise Malformed("a field is cut off")
    piece = message[at : at + size]
    return (int.from_bytes(piece, "little") if wire_type == 5 else piece), at + size
