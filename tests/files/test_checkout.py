"""Git checks out the committed bytes, even if it is set to convert line ends, as on Windows."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEPT = (  # a script, what `harness.verify` hashes, and files that are no text although they may look like it
    "pipelines/run",
    "results/digits/tables/summary.csv",
    "results/digits/records/table1-16.json",
    "results/digits/report.html",
    "harness/metrics/digits_cnn.safetensors",
    "tests/checkpoints/published/pixel32/best-training-checkpoints/ckpt-4096.index",
)


def git(*words: object) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *map(str, words)], check=True, capture_output=True)


@pytest.mark.parametrize("convert", ["true", "input"])
def test_a_checkout_that_converts_line_ends_has_the_committed_bytes(tmp_path, convert):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git("init", "-q", origin)
    for name in (*KEPT, ".gitattributes", "tests/checkpoints/.gitattributes"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, origin / name)
    git("-C", origin, "-c", f"core.autocrlf={convert}", "add", ".")
    git("-C", origin, "commit", "-qm", "all")
    git("-c", f"core.autocrlf={convert}", "clone", "-q", origin, clone)
    assert {name: (clone / name).read_bytes() for name in KEPT} == {name: (ROOT / name).read_bytes() for name in KEPT}
