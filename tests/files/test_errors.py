"""What a command says when the system refuses a file: what happened, to which, and what to do about that."""

import errno
import os

import pytest

from harness.errors import run_command


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
