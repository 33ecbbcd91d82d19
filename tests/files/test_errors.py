"""What a command says when the system refuses a file: what happened, to which, and what to do about that."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from harness.errors import run_command

PIPE = subprocess.PIPE
WRITER = """
import sys
from harness.errors import run_command

def main():
    sys.stdin.read()
    for _ in range({lines}):
        print("x" * 99, file=sys.{stream})
    sys.exit(0)  # as argparse does after --help

run_command(main)
"""


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EISDIR, "give a file in place of the folder"),
        (errno.ENOTDIR, "give a folder in place of the file"),
        (errno.EACCES, "give yourself the permission, or another path"),
        (errno.ENOENT, "correct the path"),
    ],
)
def test_the_advice_is_of_the_error(number, advice, capsys):
    def fail():
        raise OSError(number, os.strerror(number), "data/x")

    with pytest.raises(SystemExit) as left:
        run_command(fail)
    assert left.value.code == 2
    assert capsys.readouterr().err == f"error: {os.strerror(number)} (data/x); {advice}, then run again\n"


def test_a_folder_given_for_a_file_is_not_told_to_free_space(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_command(lambda: tmp_path.read_bytes())
    assert capsys.readouterr().err.endswith(f"({tmp_path}); give a file in place of the folder, then run again\n")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_has_gone_ends_a_command_in_silence(stream, lines):
    code = WRITER.format(stream=stream, lines=lines)
    with subprocess.Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        getattr(process, stream).close()
        process.stdin.close()
        assert (process.stderr if stream == "stdout" else process.stdout).read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_broken_pipe_to_something_else_is_still_an_error(capsys):
    def fail():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(SystemExit) as left:
        run_command(fail)
    assert left.value.code == 2


def test_a_long_command_ends_without_a_word_of_its_libraries():
    code = "import gc, triton.language; from harness.errors import run_command; run_command(gc.freeze)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
