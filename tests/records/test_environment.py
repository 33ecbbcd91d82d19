import os
import subprocess

import pytest

from harness.records.environment import git_state, instruction_sets, this_process, versions


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    git_state.cache_clear()
    yield tmp_path
    git_state.cache_clear()


def test_results_and_locks_do_not_make_a_tree_dirty(tree):
    (tree / "results").mkdir()
    (tree / "results/a.json").write_text("{}")
    (tree / "dvc.lock").write_text("")
    (tree / "pipelines").mkdir()
    (tree / "pipelines/dvc.yaml").write_text("")
    state = git_state(tree)
    assert (len(state.commit), state.dirty, state.reason) == (40, False, "")
    git_state.cache_clear()
    (tree / "code.py").write_text("a = 2\n")
    assert git_state(tree).dirty is True


def test_a_tree_inside_another_repository_has_no_commit(tree):
    inner = tree / "unpacked"
    inner.mkdir()
    state = git_state(inner)
    assert (state.commit, state.dirty) == (None, None)
    assert "inside another repository" in state.reason


def test_no_repository_and_no_git_say_so(tmp_path, tree, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")  # of no effect: variables of an outer git command are left out
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    assert "no git repository" in git_state(outside).reason
    monkeypatch.setenv("PATH", "/nowhere")
    git_state.cache_clear()
    assert git_state(tree).reason == "git is not installed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a tree to another owner")
def test_the_tree_of_another_owner_has_no_commit_and_says_why(tree, monkeypatch):
    """As in a container that mounts a user's clone."""
    monkeypatch.setenv("HOME", str(tree))  # without a safe.directory of one's own
    for path in (tree, *tree.rglob("*")):
        os.chown(path, 12345, 12345)
    state = git_state(tree)
    assert (state.commit, state.dirty) == (None, None)
    assert state.reason.startswith("git refuses a tree of another owner")


def test_the_widest_vectors_are_named(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    for flags, text in (("fpu avx2 avx512f", "AVX2, AVX-512"), ("fpu avx2 fma", "AVX2, no AVX-512"), ("fpu sse2", "no AVX2")):
        cpuinfo.write_text(f"model name\t: X\nflags\t\t: {flags}\n")
        assert instruction_sets(cpuinfo) == text


def test_a_process_names_its_machine():
    process = this_process("train", 0.0, 1.23456, images=32)
    assert (process.started, process.seconds, process.images) == ("1970-01-01T00:00:00+00:00", 1.235, 32)
    assert process.device
    assert process.cores > 0
    assert versions()["python"].count(".") == 1
