"""Files are written whole or not at all, and what a killed writer leaves is removed."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.files import HOST, atomic_path, write_text

DEAD = 2**22 + 1  # above any process id
WRITER = """
import sys, time
from harness.errors import run_command
from harness.files import atomic_path
def main():
    with atomic_path(sys.argv[1]) as path:
        path.write_text("half")
        print("writing", flush=True)
        time.sleep(60)
run_command(main)
"""


def start_writer(path: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    return process


def test_no_pattern_for_results_matches_what_is_half_written(tmp_path):
    with atomic_path(tmp_path / "a.json") as path:
        path.write_text("{}")
        assert path.name == "a.json"  # writers choose the format by the suffix
        assert list(tmp_path.glob("*.json")) == []
        assert [found.name for found in tmp_path.iterdir()] == [f".a.json.{HOST}-{os.getpid()}.tmp"]
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_writer_that_is_told_to_end_leaves_nothing(tmp_path, number, status):
    writer = start_writer(tmp_path / "a.json")
    writer.send_signal(number)
    assert "Traceback" not in writer.communicate(timeout=20)[1]
    assert writer.returncode == status
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    writer = start_writer(tmp_path / "a.json")
    writer.kill()
    writer.communicate()
    assert len(list(tmp_path.iterdir())) == 1
    write_text(tmp_path / "a.json", "whole")
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_only_what_has_no_writer_any_more_is_removed(tmp_path):
    gone = [f".a.json.{HOST}-{DEAD}.tmp", f".a.json.{DEAD}.tmp.json", f".a.json.0123abcd-{DEAD}.tmp"]
    kept = [f".a.json.{HOST}-{os.getppid()}.tmp", f".a.json.4567abcd-{DEAD}.tmp", f".b.json.{HOST}-{DEAD}.tmp", ".a.json.x.tmp"]
    for name in gone + kept:
        (tmp_path / name).write_text("")
    long_ago = time.time() - 48 * 3600
    os.utime(tmp_path / gone[2], (long_ago, long_ago))  # of another host, whose processes cannot be asked about
    write_text(tmp_path / "a.json", "whole")
    assert {found.name for found in tmp_path.iterdir()} == {"a.json", *kept}


def test_a_directory_is_replaced_whole_and_comes_back_if_the_writer_dies_between_the_renames(tmp_path):
    def write(text: str) -> None:
        with atomic_path(tmp_path / "run") as folder:
            folder.mkdir()
            (folder / "weights").write_text(text)

    write("old")
    write("new")
    assert (tmp_path / "run" / "weights").read_text() == "new"
    room = tmp_path / f".run.{HOST}-{DEAD}.tmp"
    room.mkdir()
    (tmp_path / "run").rename(room / ".old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "run"):
        raise RuntimeError
    assert (tmp_path / "run" / "weights").read_text() == "new"
    assert [found.name for found in tmp_path.iterdir()] == ["run"]


def test_a_reader_never_meets_a_file_that_is_being_rewritten(tmp_path):
    over = threading.Event()

    def rewrite() -> None:
        while not over.is_set():
            write_text(tmp_path / "a.json", "whole")

    write_text(tmp_path / "a.json", "whole")
    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(300):
            assert [path.read_text() for path in tmp_path.glob("*.json")] == ["whole"]
    finally:
        over.set()
        writer.join()


def test_what_a_killed_process_left_is_swept_in_a_folder_whose_name_is_a_pattern(tmp_path):
    folder = tmp_path / "a[1]*?"
    room = folder / f".x.json.{HOST}-{2**22 + 1}.tmp"  # more than any process id
    room.mkdir(parents=True)
    (room / "x.json").write_text("half")
    write_text(folder / "x.json", "whole")
    assert [path.name for path in folder.iterdir()] == ["x.json"]


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.ECONNRESET, False)])
def test_a_full_disk_names_the_file(tmp_path, number, named):
    with pytest.raises(OSError, match=os.strerror(number)) as raised, atomic_path(tmp_path / "a.json"):
        raise OSError(number, os.strerror(number))  # as a write does, which does not know its file
    assert raised.value.filename == (str(tmp_path / "a.json") if named else None)
    assert not list(tmp_path.iterdir())
