import json

import pytest

from harness.errors import HarnessError
from harness.files import digest
from harness.records.measured import Measurement
from harness.records.models import AnchorRecord, CostRecord, Run, ScoreRecord
from harness.records.record import make, read_as, read_record, write_record

SCORE = {
    "cell": "lada-lada",
    "profile": "digits",
    "config": {"b": 1, "a": [0.5]},
    "command": "dvc repro",
    "versions": {"python": "3.11"},
    "arithmetic": "x86-64-avx2",
    "engine": "reference",
    "seed": 0,
    "weights_sha256": None,
    "data": {"name": "digits", "sha256": "a" * 64, "train_count": 1437, "fraction": 1.0},
    "networks": {},
    "extractor": {"name": "digits-cnn", "label": "digits-cnn", "sha256": "b" * 64},
    "comparability": {"level": "none", "reasons": ["extractor digits-cnn"]},
    "counts": {"digits-train": {"generated": 1437, "reference": 1437}},
    "images_seen": 9600,
}


def score(**fields):
    return make(ScoreRecord, **(SCORE | fields))


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record = score(metrics={"digits-train": {"fd/digits-cnn": 0.1 + 0.2}}, config={"b": 1, "a": (0.5,)})
    write_record(tmp_path / "cell.json", record)
    assert read_record(tmp_path / "cell.json") == record
    assert record.config_digest == digest({"a": [0.5], "b": 1})
    content = json.loads((tmp_path / "cell.json").read_text())
    assert record.digest == content.pop("digest") == digest(content)


def test_a_field_added_later_leaves_the_files_without_it_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_record("old.json", score())
    assert "neighbours" not in json.loads((tmp_path / "old.json").read_text())
    (tmp_path / "n.png").write_bytes(b"abc")
    write_record("new.json", score(neighbours={"path": "n.png", "among": 7, "samples": 0.5}))
    content = json.loads((tmp_path / "new.json").read_text())
    assert content["neighbours"] == {"path": "n.png", "among": 7, "samples": 0.5, "held_out": None}
    assert list(content["artefacts"]) == ["n.png"]
    assert content.pop("digest") == digest(content) == read_record("new.json").digest


def test_an_anchor_record_may_name_real_pictures_and_an_older_one_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real.png").write_bytes(b"abc")
    fields = {
        name: SCORE[name] for name in ("profile", "config", "command", "versions", "arithmetic", "extractor", "comparability")
    }
    for path, more in (("old.json", {}), ("new.json", {"samples": "real.png"})):
        write_record(path, make(AnchorRecord, cell="anchors-digits", anchors={}, **fields, **more))
    old, new = (json.loads((tmp_path / name).read_text()) for name in ("old.json", "new.json"))
    assert not {"samples", "artefacts"} & old.keys()
    assert list(new["artefacts"]) == ["real.png"]
    for content, path in ((old, "old.json"), (new, "new.json")):
        assert content.pop("digest") == digest(content) == read_record(path).digest


def test_a_record_of_another_kind_is_refused(tmp_path):
    write_record(tmp_path / "cell.json", score())
    with pytest.raises(HarnessError, match=r"cell.json: holds a score record; expected run"):
        read_as(Run, tmp_path / "cell.json")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"images_seen": "9600"}, "images_seen"),
        ({"images_seen": True}, "images_seen"),
        ({"imges_seen": 1}, "imges_seen"),
        ({"rows": ["1-6"]}, "rows/0"),
        ({"status": "fine"}, "status"),
        ({"cell": "../up"}, "cell"),
        ({"cell": "ü"}, "cell"),
        ({"command": "a\x07b"}, "command"),
        ({"samples": "nowhere.png"}, r"nowhere\.png"),
        ({"samples": "/etc/passwd"}, "samples"),
        ({"samples": "results/../../secret.png"}, "samples"),
        ({"samples": "results/.hidden.png"}, "samples"),
        ({"progress": {"path": "~/x.png", "nimg": [0]}}, "progress/path"),
        ({"metrics": {"digits-train": {"fd": float("nan")}}}, "metrics/digits-train/fd"),
        ({"metrics": {"digits-train": {"fd": float("inf")}}}, "metrics/digits-train/fd"),
        ({"config": {"a": float("nan")}}, "NaN"),
        ({"config": {"a": object()}}, "JSON has not"),
    ],
)
def test_a_bad_field_is_named_in_one_line(fields, words):
    with pytest.raises(HarnessError, match=words) as caught:
        score(**fields)
    assert "\n" not in str(caught.value)


def test_counts_of_a_network_are_whole_numbers(tmp_path):
    fields = {name: SCORE[name] for name in ("cell", "profile", "config", "command", "versions", "arithmetic")}
    record = make(CostRecord, **fields, title="G", resolution=32, params=1, macs={"true": 5})
    write_record(tmp_path / "g32.json", record)
    assert read_as(CostRecord, tmp_path / "g32.json").macs.true == 5
    with pytest.raises(HarnessError, match="macs/true"):
        make(CostRecord, **fields, title="G", resolution=32, params=1, macs={"true": 5.5})


def test_a_flipped_digit_is_found(tmp_path):
    path = tmp_path / "cell.json"
    write_record(path, score(metrics={"digits-train": {"fd": 12.5}}))
    path.write_text(path.read_text().replace("12.5", "12.4"))
    with pytest.raises(HarnessError, match=r"cell.json: its content was altered"):
        read_record(path)


def test_a_changed_configuration_is_found_even_with_a_new_digest(tmp_path):
    record = score().model_dump()
    record["config"]["b"] = 2
    record["digest"] = digest({name: value for name, value in record.items() if name != "digest"})
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(record))
    with pytest.raises(HarnessError, match="config_digest"):
        read_record(path)


def test_a_measurement_is_sealed_too(tmp_path):
    path = tmp_path / "cell.json"
    write_record(path, make(Measurement, cell="a", profile="b", record_digest="c" * 64, processes=[], peak_bytes=1234))
    path.write_text(path.read_text().replace("1234", "1235"))
    with pytest.raises(HarnessError, match=r"cell.json: its content was altered"):
        read_record(path)


def test_an_older_record_says_so(tmp_path):
    (tmp_path / "old.json").write_text('{"schema_version": 1, "kind": "score"}')
    with pytest.raises(HarnessError, match=r"old.json: schema_version is 1, expected 2; rerun"):
        read_record(tmp_path / "old.json")


VALUES = ["NaN", "Infinity", "-Infinity", "1e999", "9" * 4000, "[" * 100_000, '"\\ud800"', '{"a": 1, "a": 2}', "[" * 50 + "1"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "score"}', "\x00", '{"kind": 3}', *VALUES])
@pytest.mark.parametrize("inside", [False, True])
def test_a_corrupt_file_is_named_in_one_line(tmp_path, text, inside):
    path = tmp_path / "cell.json"
    path.write_text(score().model_dump_json().replace('{"b":1,', f'{{"b":{text},') if inside else text)
    with pytest.raises(HarnessError, match=r"cell\.json") as caught:
        read_record(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_second_entry_of_one_name_is_found_although_the_digest_fits(tmp_path):
    """Most programs read the last of two entries, people the first."""
    path = tmp_path / "cell.json"
    text = score(metrics={"digits-train": {"fd": 12.5}}).model_dump_json()
    path.write_text(text.replace('"metrics":', '"metrics":{"digits-train":{"fd":1.5}},"metrics":', 1))
    with pytest.raises(HarnessError, match=r"cell\.json: .*'metrics' stands twice"):
        read_record(path)


def test_a_directory_or_a_file_of_other_bytes_is_named_in_one_line(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "b.json").write_bytes(b"\xff\xfe{}")
    for name in ("a.json", "b.json", "none.json"):
        with pytest.raises(HarnessError, match=name):
            read_record(tmp_path / name)


def test_artefacts_are_hashed_and_are_the_files_that_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.png").write_bytes(b"abc")
    record = score(samples="s.png")
    assert record.artefacts == {"s.png": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    content = record.model_dump() | {"artefacts": {}}
    content["digest"] = digest({name: value for name, value in content.items() if name != "digest"})
    (tmp_path / "cell.json").write_text(json.dumps(content))
    with pytest.raises(HarnessError, match="artefacts are not the files"):
        read_record(tmp_path / "cell.json")
