"""One exception for every error that a user can correct, and the wrapper of commands that prints it."""

import errno
import gc
import os
import reprlib
import select
import signal
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from safetensors import SafetensorError

from harness.processes import end_tidily, interrupted


class HarnessError(Exception):
    """A one-line message: what was given, what was expected, what to do."""


LONGEST = 2000  # characters of a message, because names and keys in it can be of any length
KINDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
}
ADVICE = {  # by the system's number of an error
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EISDIR: "give a file in place of the folder",
    errno.ENOTDIR: "give a folder in place of the file",
    errno.EACCES: "give yourself the permission, or another path",
    errno.EPERM: "give yourself the permission, or another path",
    errno.EROFS: "give a path on a disk that can be written",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.EIO: "look after the disk",
}
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 80, 80


def short(value: object) -> str:
    """`value` as Python writes it, shortened so that a message stays one line."""
    return _SHORT.repr(value)


def shown(value: object) -> str:
    """`value` and its type, in the words of a parameters file."""
    return "nothing" if value is None else f"{short(value)} ({KINDS.get(type(value)) or type(value).__name__})"


def unknown_choice(kind: str, given: object, choices: Iterable[str]) -> HarnessError:
    """The error for a name that is not among `choices`. It suggests the most similar one."""
    names = sorted(choices)
    near = get_close_matches(str(given)[:100], names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return HarnessError(f"unknown {kind} {short(given)}; expected one of {', '.join(names)}{hint}")


def run_command(main: Callable[[], None]) -> None:
    """Runs a command's `main`. A HarnessError or a full disk becomes one line on stderr and exit status 2.

    SIGTERM and SIGHUP end it as Ctrl-C does: nothing is left half-written, and no child process keeps running. So does a reader
    that has gone, as in `| head`, in silence.
    """
    end_tidily()
    try:
        try:
            main()
        finally:
            gc.unfreeze()  # what long work has frozen; at exit Triton prints each of its objects that was not collected
            sys.stdout.flush()  # at exit Python itself would complain of a closed pipe
    except KeyboardInterrupt:
        sys.exit(interrupted())
    except HarnessError as error:
        sys.exit(_one_line(str(error)))
    except OSError as error:
        if error.errno == errno.EPIPE and _readers_gone():
            sys.exit(128 + signal.SIGPIPE)
        if error.errno is None:
            raise
        target = f" ({error.filename})" if error.filename else ""
        sys.exit(_one_line(f"{error.strerror}{target}; {ADVICE.get(error.errno, 'correct the path')}, then run again"))
    except SafetensorError as error:  # raised by its save_file for a full disk, instead of OSError
        if "os error" not in str(error):
            raise
        sys.exit(_one_line(f"{error}; free some space or correct the path, then run again"))


def _readers_gone() -> bool:
    """Whether stdout or stderr is a pipe that nobody reads any more. What is left to print then goes nowhere."""
    watch = select.poll()
    for number in (1, 2):
        watch.register(number, 0)
    closed = [number for number, event in watch.poll(0) if event & (select.POLLERR | select.POLLHUP)]
    for number in closed:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
    return bool(closed)


def _one_line(message: str) -> int:
    line = " ".join(message.split())
    print(f"error: {line if len(line) <= LONGEST else line[:LONGEST] + ' ...'}", file=sys.stderr)
    return 2
