"""Checks that several datasets share."""

from collections.abc import Iterable

from harness.errors import HarnessError


def check_range(key: str, value: float, low: float, high: float) -> None:
    """ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{key}: given {value}; expected a number from {low} to {high}")


def check_count(given: int, expected: int, what: str, where: object) -> None:
    """HarnessError unless the number of pictures is the expected one."""
    if given != expected:
        raise HarnessError(
            f"{where} holds {given} {what}; expected {expected}; download it again, or set the count in the parameters"
        )


def name_some(names: Iterable[str], limit: int = 5) -> str:
    """The first few of `names`, sorted, and the number of the others."""
    names = sorted(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
