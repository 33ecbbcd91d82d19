"""Names become paths, stages and words of shell commands, so only few characters are allowed in them."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.names import check_name
from pipelines.commands import new, repro, sweep

ROOT = Path(__file__).resolve().parents[2]
PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize("name", ["a", "9", "table1-16", "lada_swin", "A" * 100, "0-_"])
def test_a_plain_name_is_returned(name):
    assert check_name("cell", name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "cifar10.1", "-a", "_a", "a b", "a\n", "x; touch P", "$(touch P)", "a`b`", "ü"),
        *("a\0", "a" * 101, "*", "a@b", "a:b", "a'b", "%41", "a\u0663", None, 1, 1.5, True, ["a"], {"a": 1}),
    ],
)
def test_any_other_name_is_refused_in_one_line(name):
    with pytest.raises(HarnessError, match=r"data name: given .*; expected letters") as error:
        check_name("data", name)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).isascii()


@given(st.text())
def test_what_passes_is_one_plain_word(name):
    try:
        check_name("cell", name)
    except HarnessError:
        return
    assert set(name) <= {*PLAIN, "-", "_"}
    assert name[0] in PLAIN
    assert 1 <= len(name) <= 100


@pytest.mark.parametrize("name", ["x; touch P", "$(touch P)", "../x"])
@pytest.mark.parametrize(
    ("command", "words"),
    [(repro.main, ["--profile"]), (sweep.main, ["--profile"]), (new.main, ["attention", "own", "--profile"])],
)
def test_a_profile_of_a_command_line_is_one_plain_word(tmp_path, monkeypatch, command, words, name):
    """Although a folder of that name is there, its parameters being sound."""
    monkeypatch.chdir(tmp_path)
    for folder in (Path("pipelines/digits"), Path("pipelines") / name):
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "pipelines/digits/params.yaml", folder)
    with pytest.raises(HarnessError, match="profile name: given"):
        command([*words, name])
    assert not list(tmp_path.rglob("P"))
