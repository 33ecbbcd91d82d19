"""One exception for everything a user can put right, and the command-line wrapper that prints it."""

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from safetensors import SafetensorError


class HarnessError(Exception):
    """A one-line message: what was given, what was expected, what to do."""


def unknown_choice(kind: str, given: object, choices: Iterable[str]) -> HarnessError:
    """Error for a name that is not among `choices`, with the nearest one suggested."""
    names = sorted(choices)
    near = get_close_matches(str(given), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return HarnessError(f"unknown {kind} {given!r}; expected one of {', '.join(names)}{hint}")


def run_command(main: Callable[[], None]) -> None:
    """Runs a command's `main`; a HarnessError or a full disk becomes one line on stderr and exit status 2."""
    try:
        main()
    except HarnessError as error:
        sys.exit(_one_line(str(error)))
    except OSError as error:
        if error.errno is None:
            raise
        target = f" ({error.filename})" if error.filename else ""
        sys.exit(_one_line(f"{error.strerror}{target}; free the space or correct the path, then run again"))
    except SafetensorError as error:  # its save_file reports a full disk so, not as an OSError
        if "os error" not in str(error):
            raise
        sys.exit(_one_line(f"{error}; free the space or correct the path, then run again"))


def _one_line(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
