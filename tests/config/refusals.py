"""What a check says of a value that a random test made."""

from collections.abc import Callable

from harness.errors import HarnessError


def refusal(call: Callable[[], object]) -> str:
    """The message of a HarnessError, or "nothing". Any other error fails the test."""
    try:
        call()
    except HarnessError as error:
        return str(error)
    return "nothing"
