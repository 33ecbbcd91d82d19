"""`ladabench`: every command is found, from any directory of the repository."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import __main__ as door
from harness.errors import HarnessError
from harness.progress import QUIET, is_quiet
from pipelines.commands import repro
from pipelines.commands.repro import commands, full_size_networks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def started(monkeypatch):
    """What would be run in this process's place, and where."""
    found = []
    monkeypatch.setattr(os, "execv", lambda program, words: found.append((words[2:], Path.cwd())))
    return found


def test_every_command_has_a_module_and_a_line_of_help():
    text = door.help_text()
    for name, command in door.COMMANDS.items():
        assert f"  {name:<9}{command.says}" in text
        assert importlib.util.find_spec(command.module), name


@pytest.mark.parametrize("folder", [".", "harness", "results/digits"])
def test_a_command_runs_in_the_root_wherever_the_user_is(folder, started, monkeypatch):
    monkeypatch.chdir(ROOT / folder)
    door.main(["verify", "--profile", "digits"])
    assert started == [(["harness.verify", "--profile", "digits"], ROOT)]


def test_a_path_that_the_user_names_stays_the_one_he_means(started, monkeypatch):
    monkeypatch.chdir(ROOT / "results")
    door.main(["compare", "digits", "../results/digits"])
    assert started[0][0] == ["pipelines.commands.compare", "digits", str(ROOT / "results/digits")]


def test_outside_the_repository_it_says_so(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match="not inside the harness's repository"):
        door.main(["report"])
    door.main(["score", "a", "b"])  # takes any folders, wherever they are
    assert started == [(["harness.metrics.score", "a", "b"], tmp_path)]


def test_the_words_of_a_command_come_first(started, monkeypatch):
    monkeypatch.chdir(ROOT)
    door.main(["ui", "--port", "5001"])
    door.main(["bench", "attention", "--seconds", "10"])
    assert [words for words, _ in started] == [
        ["harness.tracking", "--ui", "--port", "5001"],
        ["pipelines.benches.attention", "--seconds", "10"],
    ]


@pytest.mark.parametrize(("words", "said"), [(["verfy"], "did you mean 'verify'"), (["bench", "atention"], "mean 'attention'")])
def test_an_unknown_name_is_answered_with_the_nearest(words, said, started, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(HarnessError, match=said):
        door.main(words)


def test_quiet_is_for_every_command_and_for_what_it_starts(started, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(QUIET, "")
    door.main(["verify", "--quiet", "--profile", "digits"])
    assert started == [(["harness.verify", "--profile", "digits"], ROOT)]
    assert is_quiet()


def test_help_and_version_load_no_torch():
    code = "from harness.__main__ import main; import sys; main([]); main(['--version']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("usage: ladabench COMMAND")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("ladagan-harness ")
    assert "torch " in last


LIKE_WINDOWS = """
import signal, sys
del signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1
from harness.__main__ import entry
sys.platform, sys.argv = "win32", ["ladabench", "report"]
entry()
"""


def test_windows_is_refused_in_one_line():
    done = subprocess.run([sys.executable, "-c", LIKE_WINDOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: Windows itself is not supported")
    assert "run inside WSL2" in done.stderr
    assert done.stderr.count("\n") == 1


def test_repro_is_make_or_the_cells_asked_for(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert commands("digits", None, 2) == [["make", "repro", "PROFILE=digits", "JOBS=2"]]
    words = commands("digits", ["table1-16"], 2)
    assert words[1][-2:] == ["repro", "pipelines/digits/dvc.yaml:evaluate@table1-16"]
    assert words[2][2:] == ["pipelines.cost", "--profile", "digits", "--only", "d32-lada", "g32-lada-conv"]  # no other network
    assert not full_size_networks(Path("pipelines/digits-full/params.yaml"), ["table1-16-seed1"])
    for wrong, said in ((("digit", None, 1), "did you mean 'digits'"), (("digits", ["table1-17"], 1), "unknown cell")):
        with pytest.raises(HarnessError, match=said):
            commands(*wrong)


def test_a_quiet_reproduction_shows_the_end_of_its_log_where_it_fails(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(QUIET, "1")
    monkeypatch.setattr(repro, "commands", lambda *asked: [["sh", "-c", "seq 1 50; echo broken >&2; exit 3"]])
    with pytest.raises(SystemExit) as left:
        repro.main([])
    shown = capfd.readouterr()
    assert (left.value.code, shown.out) == (3, "")
    assert shown.err.splitlines() == [*map(str, range(32, 51)), "broken", f"the whole log: {repro.LOG}"]
    assert repro.LOG.read_text().startswith("1\n")
