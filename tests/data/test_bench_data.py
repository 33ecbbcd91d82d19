import json
import sys

import pytest

from harness.errors import HarnessError
from pipelines.benches import data as bench_data


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_data, "DISTINCT", 3)
    monkeypatch.setattr(bench_data, "available_cores", lambda: 1)
    monkeypatch.setattr(sys, "argv", ["bench_data", "--images", "20", "--repeats", "1", "--scratch", str(tmp_path)])
    return tmp_path


def test_the_benchmark_reports_what_it_measured(small, capsys):
    bench_data.main()
    (path,) = small.glob("results/bench/*/data.json")
    result = json.loads(path.read_text())
    assert result["images"] == 20
    ours, plain = result["preparation"]["images_per_second"], result["plain_pillow"]["images_per_second"]
    assert result["ratio"] == pytest.approx(ours / plain)
    assert f"ratio {result['ratio']:.3f}" in capsys.readouterr().out
    assert [entry.name for entry in small.iterdir()] == ["results"]


def test_no_time_is_reported_for_other_pixels(small, monkeypatch):
    monkeypatch.setattr(bench_data, "plain_picture", lambda data: bench_data.Image.new("RGB", (64, 64)))
    with pytest.raises(HarnessError, match=r"img_align_celeba/000001\.jpg differs from plain Pillow's; no time is reported"):
        bench_data.main()
    assert list(small.iterdir()) == []
