"""Published weights from a hub: every way in which it fails is one line, and what came once is not believed to be otherwise."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_profile
from hub import DATA, playing_hub

from harness.config import load_params
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.locks import InUse, output_lock
from pipelines.profile import load_profile
from pipelines.published import fetch
from pipelines.published.convert import load_generator

NAMES = [
    "best-training-checkpoints/checkpoint",
    "best-training-checkpoints/ckpt-4096.data-00000-of-00001",
    "best-training-checkpoints/ckpt-4096.index",
    "config.json",
]
WEIGHTS, KNOWN = Path("results/published/weights/cifar10"), Path("results/published/fetched/cifar10.json")


@pytest.fixture
def hub(tmp_path):
    with playing_hub(shutil.copytree(small_profile.CHECKPOINTS / "pixel32", tmp_path / "hub")) as hub:
        (hub.folder / "expected.npz").unlink()
        yield hub


@pytest.fixture
def profile(tmp_path, monkeypatch, hub):
    """The small profile with nothing but the hub's address for its first checkpoint."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    path = small_profile.write_profile(work)
    shutil.rmtree("weights")
    entry = load_params(path)["checkpoints"]["cifar10"] | {"url": hub.url}
    small_profile.change(path, checkpoints={"cifar10": entry})
    return path


def run(profile):
    fetch.main(["--params", str(profile), "--checkpoint", "cifar10"])


def test_a_checkpoint_comes_once_and_is_written_down(profile, hub, capsys):
    run(profile)
    assert "ckpt-4096 of weights/cifar10, its sha256 written down on this first use" in capsys.readouterr().out
    assert json.loads(KNOWN.read_text()) == {name: sha256_file(hub.folder / name) for name in NAMES}
    assert load_generator(WEIGHTS).config.resolution == 32
    asked = list(hub.asked)
    run(profile)
    assert hub.asked == asked  # nothing again
    assert "as on first use" in capsys.readouterr().out
    shutil.rmtree("weights")
    hub.mode = "has nothing"
    run(profile)
    assert "converted before, and kept" in capsys.readouterr().out


def test_a_broken_download_goes_on_where_it_stopped(profile, hub, capsys):
    hub.mode = "breaks"
    run(profile)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "lacking, cifar10: " in line
    assert "the connection broke after 50000 bytes" in line
    assert "run again to go on, or download it yourself to weights/cifar10/best-training-checkpoints/ckpt-4096.data" in line
    assert (WEIGHTS / fetch.LACKING).is_file()
    hub.mode = ""
    run(profile)
    assert [wanted for name, wanted in hub.asked if name.endswith(DATA)] == [None, "bytes=50000-"]
    assert json.loads(KNOWN.read_text()).keys() == set(NAMES)
    assert not (WEIGHTS / fetch.LACKING).exists()


@pytest.mark.slow
def test_a_killed_download_goes_on_where_it_stopped(profile, hub):
    hub.mode = "stalls"
    command = [sys.executable, "-m", "pipelines.published.fetch", "--params", str(profile), "--checkpoint", "cifar10"]
    process = subprocess.Popen(command, env={"PYTHONPATH": str(small_profile.ROOT), "PATH": "/usr/bin:/bin"})
    assert hub.stalled.wait(120)
    part = Path("weights/cifar10/best-training-checkpoints/ckpt-4096.data-00000-of-00001.part")
    for _ in range(600):
        if part.is_file() and part.stat().st_size:
            break
        signal.sigtimedwait([], 0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = part.stat().st_size
    assert 0 < have <= 50_000
    assert not WEIGHTS.exists()
    hub.mode = ""
    hub.go_on.set()
    run(profile)
    assert hub.asked[-2][1] == f"bytes={have}-" or hub.asked[-1][1] == f"bytes={have}-"
    assert load_generator(WEIGHTS).config.noise_dim == 16


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("has nothing", r"/config\.json could not be downloaded \(Not Found\); run again to go on, or download it yourself to"),
        ("redirects to a file", r"could not be downloaded \(.*(not allowed|other than the web).*\); run again to go on"),
    ],
)
def test_what_the_hub_does_not_have_or_should_not_say_is_one_line(profile, hub, capsys, mode, message):
    hub.mode = mode
    with pytest.raises(fetch.Missing, match=message) as raised:
        fetch.obtain(load_profile(profile), "cifar10")
    assert "\n" not in str(raised.value)
    run(profile)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not list(Path("weights").rglob("*hostname*"))
    assert not (WEIGHTS / "model.safetensors").exists()


def test_another_content_than_on_first_use_is_refused(profile, hub):
    run(profile)
    before = KNOWN.read_bytes()
    converted = sha256_file(WEIGHTS / "model.safetensors")
    config = hub.folder / "config.json"
    config.write_text(config.read_text() + "\n")
    shutil.rmtree("weights")
    shutil.rmtree(WEIGHTS)
    with pytest.raises(HarnessError, match=r"config\.json\.part has sha256 .*; expected .*download it again") as refused:
        run(profile)
    assert str(refused.value).endswith(f"or delete {KNOWN}, which has the sha256 of the first use, to begin anew")
    assert KNOWN.read_bytes() == before

    shutil.rmtree("weights", ignore_errors=True)
    shutil.copytree(hub.folder, "weights/cifar10")  # the same from a folder of the user's own
    with pytest.raises(
        HarnessError, match=r"config\.json: given sha256 .*written down in results/published/fetched/cifar10"
    ) as refused:
        run(profile)
    assert str(refused.value).endswith("get it again, or delete that record to begin anew")
    config.write_text(config.read_text()[:-1])
    shutil.copy(config, "weights/cifar10/config.json")
    run(profile)
    assert sha256_file(WEIGHTS / "model.safetensors") == converted


def test_two_profiles_do_not_download_the_same_file_together(profile, hub):
    path = Path("weights/cifar10/config.json")
    with output_lock(path), pytest.raises(InUse, match=f"{path} is in use by another process"):
        run(profile)
    assert not WEIGHTS.exists()  # it lacks nothing
    run(profile)
    assert load_generator(WEIGHTS).config.resolution == 32


def test_damaged_weights_are_refused_and_nothing_is_written_down(profile, hub):
    data = hub.folder / NAMES[1]
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    with pytest.raises(HarnessError, match=r"ckpt-4096.*; "):
        run(profile)
    assert not KNOWN.exists()
    assert not WEIGHTS.exists()


def test_a_folder_of_the_users_own_needs_no_network(profile, hub, monkeypatch):
    shutil.copytree(hub.folder, "weights/cifar10")
    hub.mode = "has nothing"
    run(profile)
    assert hub.asked == []
    assert load_generator(WEIGHTS).config.dims == (64, 32, 16)


def test_unknown_checkpoints_and_wrong_entries_are_named(profile):
    with pytest.raises(HarnessError, match=r"unknown checkpoint 'cifar'.*did you mean 'cifar10'"):
        fetch.main(["--params", str(profile), "--checkpoint", "cifar"])
    entry = load_params(profile)["checkpoints"]["cifar10"]
    for change, message in (
        ({"url": "ftp://x"}, "url: given 'ftp://x'; expected an address that starts with https"),
        ({"folder": ""}, "folder: given nothing"),
        ({"data": "cifar"}, "unknown dataset in evaluate .checkpoints.cifar10.data. 'cifar'.*did you mean 'cifar10'"),
        ({"rows": ["9:1"]}, "checkpoints.cifar10: given '9:1'; expected TABLE:ROW"),
        ({"images_row": "5:99"}, "checkpoints.cifar10: given '5:99'"),
        ({"weights": "x"}, "unknown key .*'weights'"),
    ):
        small_profile.change(profile, checkpoints={"cifar10": entry | change})
        with pytest.raises(HarnessError, match=message):
            load_profile(profile)
