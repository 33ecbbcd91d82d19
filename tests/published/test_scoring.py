"""The profile end to end on small checkpoints: what it writes, claims and repeats."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import small_profile

from harness.errors import HarnessError
from harness.locks import InUse, output_lock
from harness.records.models import PublishedRecord
from harness.records.record import read_as
from harness.records.store import load_store
from harness.report.__main__ import report
from harness.verify.checks import check_profile
from pipelines.profile import load_profile
from pipelines.published import fetch, ready, score
from pipelines.published.workers import workers

PROXIES = ("fd", "sfd", "isx", "precision", "recall")
# Both kinds of checkpoint: 32 pixels, and the decoder for 128. Their protocols under which the paper prints an Inception score.
WITH_SCORE = {"cifar10": ("cifar10-50k", "cifar10-10k"), "ffhq_128": ()}


def run(params: Path, key: str) -> PublishedRecord:
    for stage in (fetch, score):
        stage.main(["--params", str(params), "--checkpoint", key])
    return read_as(PublishedRecord, Path(f"results/published/records/{key}.json"))


@pytest.fixture
def profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_profile.write_profile(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("key", WITH_SCORE)
def test_with_random_inception_weights_nothing_is_called_fid(profile, key):
    small_profile.change(profile, features={"extractor": "inception-v3", "random_seed": 0})
    record = run(profile, key)
    label = record.extractor.label
    assert label.startswith("inception-v3-random@")
    assert record.comparability.level == "none"
    assert {name: set(scores) for name, scores in record.metrics.items()} == {
        protocol: {f"{name}/{label}" for name in PROXIES if name != "isx" or protocol in WITH_SCORE[key]}
        for protocol in load_profile(profile).evaluate[key.replace("_", "-")].protocols
    }
    assert '"fid"' not in record.model_dump_json()
    assert run(profile, key) == record


def test_every_draw_is_scored_and_written_down_once(profile, capsys):
    record = run(profile, "cifar10")
    label = record.extractor.label
    assert label == "digits-cnn"
    assert record.comparability.level == "none"
    assert {name: set(scores) for name, scores in record.metrics.items()} == {
        protocol: {f"{name}/{label}" for name in PROXIES} for protocol in ("cifar10-50k", "cifar10-10k")
    }
    assert [(draw.seed, draw.reference_seed) for draw in record.runs] == [(1, 0), (2, 1)]
    assert all(draw.metrics.keys() == record.metrics.keys() for draw in record.runs)
    assert record.runs[0].metrics != record.runs[1].metrics
    assert record.generation_sd["cifar10-10k"][f"fd/{label}"] > 0
    assert '"fid"' not in record.model_dump_json()
    assert (record.checkpoint, record.images_seen) == ("ckpt-4096", 4096)
    assert any("4096" in name for name in record.files)
    assert "the checkpoint saw 0.00 million images, Table V, row 3 prints 68; see the errata" in record.mismatch
    assert "the checkpoint's dims is [64, 32, 16], that of row 2:3 is [1024, 256, 64]" in record.mismatch
    assert Path(record.samples).is_file()
    store = load_store("published", Path("results"))
    assert list(store.measurements) == ["cifar10"]
    capsys.readouterr()

    before = Path("results/published/records/cifar10.json").read_bytes()
    assert run(profile, "cifar10") == record
    assert "scored before, as it is asked for now" in capsys.readouterr().out
    Path("results/published/records/cifar10.json").unlink()
    run(profile, "cifar10")
    assert Path("results/published/records/cifar10.json").read_bytes() == before
    assert "images/s" not in capsys.readouterr().err  # the features were kept


def test_a_decoder_at_128_pixels_is_held_against_pictures_of_its_size(profile):
    record = run(profile, "ffhq_128")
    assert record.counts["ffhq-50k"].model_dump() == {"generated": 8, "reference": 8}
    assert record.comparability.level == "none"
    assert len(record.runs) == 1
    assert record.generation_sd == {}
    assert "the checkpoint saw 0.00 million images, Table V, row 11 prints 53; see the errata" in record.mismatch


@pytest.mark.parametrize("key", WITH_SCORE)
def test_the_pinned_name_with_wrong_counts_is_a_mismatch_not_a_fid(profile, monkeypatch, key):
    real = ready.fetched_extractor
    monkeypatch.setattr(ready, "fetched_extractor", lambda *given: replace(real(*given), label="inception-v3"))
    record = run(profile, key)
    assert record.comparability.level == "protocol-mismatch"
    assert any("8 generated images, the protocol's count is 50000" in reason for reason in record.comparability.reasons)
    names = {name for scores in record.metrics.values() for name in scores}
    assert names <= {f"{name}/inception-v3" for name in PROXIES}
    assert {"fd/inception-v3", "recall/inception-v3"} <= names


def test_what_is_missing_is_said_in_a_line_each_and_the_rest_is_scored(profile, capsys):
    Path("weights/cifar10").rename("elsewhere")
    Path("ffhq").rename("faces")
    record = run(profile, "cifar10")
    assert record.metrics == {}
    (line,) = record.lacking
    assert (
        "no config.json in weights/cifar10; the weights are published at https://huggingface.co/milmor/LadaGAN; put that" in line
    )
    (line,) = run(profile, "ffhq_128").lacking
    assert "no ffhq at ffhq; it is published at https://github.com/NVlabs/ffhq-dataset; download it and put it" in line
    said = capsys.readouterr()
    assert said.err.count("lacking, cifar10: no config.json") == 2
    assert "cifar10: not scored, 1 of what it needs is missing" in said.out

    Path("elsewhere").rename("weights/cifar10")
    assert run(profile, "cifar10").metrics  # once it is there, it is scored


def test_pictures_that_another_stage_prepares_are_waited_for(profile):
    fetch.main(["--params", str(profile), "--checkpoint", "cifar10"])
    data = Path("results/published/data/cifar10")
    with output_lock(data), pytest.raises(HarnessError, match=f"{data} is in use by another process"):
        score.main(["--params", str(profile), "--checkpoint", "cifar10"])
    assert not Path("results/published/records/cifar10.json").exists()  # it lacks nothing
    assert run(profile, "cifar10").metrics


def test_a_damaged_list_of_processes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list_of = lambda: workers("published", "cifar10", "a" * 64, "cpu", 0.0)  # noqa: E731
    made = list_of()
    made.say("images of seed 1: ...")
    assert [process.stage for process in list_of().earlier] == ["published"]
    for text in ("{", "3", '[{"stage": 1}]'):
        made.path.write_text(text)
        with pytest.raises(HarnessError, match=rf"{made.path}.* list of processes"):
            list_of()


def test_what_another_stage_downloads_is_no_lack(profile, monkeypatch):
    small_profile.change(profile, features={"extractor": "inception-v3", "weights": "inception.pth"})
    with output_lock(Path("inception.pth")), pytest.raises(InUse, match=r"inception\.pth is in use by another process"):
        run(profile, "cifar10")
    assert not Path("results/published/records/cifar10.json").exists()


def test_missing_inception_weights_are_said_too(profile, monkeypatch):
    small_profile.change(profile, features={"extractor": "inception-v3", "weights": "inception.pth"})
    with small_profile.no_network(monkeypatch):
        record = run(profile, "cifar10")
    (line,) = record.lacking
    assert "could not be downloaded" in line
    assert "download it yourself to inception.pth" in line


def test_a_killed_extraction_goes_on(profile, monkeypatch, capsys):
    from harness.metrics import parts

    class Killed(BaseException):
        pass

    real, seen = parts.features, []

    def dies(images, *arguments, **options):
        seen.append(len(images))
        if len(seen) == 2:
            raise Killed
        return real(images, *arguments, **options)

    monkeypatch.setattr(score, "Work", lambda extractor, batch, say: parts.Work(extractor, batch, part=4, say=say))
    monkeypatch.setattr(parts, "features", dies)
    with pytest.raises(Killed):
        run(profile, "cifar10")
    assert not Path("results/published/records/cifar10.json").exists()
    capsys.readouterr()
    run(profile, "cifar10")
    said = capsys.readouterr().err
    assert "images of seed 1: 8 of 8 images" in said
    assert "images of seed 1: 4 of 8 images" not in said
    assert json.loads(Path("results/published/records/cifar10.json").read_text())["metrics"]
    killed, last = load_store("published", Path("results")).measurements["cifar10"].processes
    assert (killed.stage, last.stage) == ("published", "published")
    assert 0 < killed.seconds < last.seconds
    assert not list(Path(".ckpt/published").iterdir())


def test_the_report_shows_what_was_scored_and_says_what_was_not(profile, capsys):
    Path("ffhq").rename("faces")
    run(profile, "ffhq_128")
    record = run(profile, "cifar10")
    report("published")
    said = capsys.readouterr().out
    assert "published weights: " in said
    text = Path("results/published/tables/table_3.md").read_text()
    value = record.metrics["cifar10-10k"]["fd/digits-cnn"]
    assert f"7.58 / not run; published weights {value:.2f} (" in text
    assert "2 draws) n.c." in text
    assert "published weights: not run, because something is missing: no ffhq at ffhq" in Path(
        "results/published/tables/table_4.md"
    ).read_text().replace("\\", "")
    page = Path("results/published/report.html").read_text()
    assert "published weights, ckpt-4096" in page
    assert "latents 2, reference 1" in page
    assert check_profile("published")[0] == []
    Path(record.samples).write_bytes(b"altered")
    assert "missing or altered since record 'cifar10' was written" in check_profile("published")[0][0]
