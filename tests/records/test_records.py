import json

import pytest

from harness.errors import HarnessError
from harness.files import digest
from harness.records import environment as environment_module
from harness.records.record import new_record, read_record, write_record

SCORE = {
    "seed": 0,
    "data": {"name": "digits", "sha256": "a" * 64, "train_count": 1437, "fraction": 1.0},
    "extractor": {"name": "digits-cnn", "label": "digits-cnn@0123abcd", "sha256": "b" * 64},
    "comparability": {"level": "none", "reasons": ["extractor digits-cnn"]},
    "images_seen": 9600,
}


def score(**fields):
    head = {"cell": "lada-lada", "profile": "digits", "config": {"b": 1, "a": [0.5]}, "command": "dvc repro", "wall_seconds": 1.5}
    return new_record("score", **(head | SCORE | fields))


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record = score(metrics={"digits-train": {"fd/digits-cnn@0123abcd": 0.1 + 0.2}})
    write_record(tmp_path / "cell.json", record)
    assert read_record(tmp_path / "cell.json") == record
    assert record["config_digest"] == digest({"a": [0.5], "b": 1})
    assert {"torch", "python"} <= set(record["versions"])
    assert set(record["git"]) == {"commit", "dirty"}


def test_integer_keys_become_text_before_the_digest(tmp_path):
    timing = {"median": 2.0, "low": 1.0, "high": 3.0}
    macs = dict.fromkeys(("true", "fvcore", "torch_meta", "closed_form", "printed_convention"), 1.0)
    record = new_record(
        "cost", cell="g32", profile="digits", config={}, command="x", wall_seconds=0, network="g32", title="G", resolution=32,
        params=1, macs=macs, throughput={1: timing},
    )  # fmt: skip
    write_record(tmp_path / "g32.json", record)
    assert read_record(tmp_path / "g32.json")["throughput"] == {"1": timing}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"images_seen": "9600"}, "images_seen"),
        ({"imges_seen": 1}, "imges_seen"),
        ({"rows": ["6:1"]}, "rows/0"),
        ({"status": "fine"}, "status"),
        ({"cell": "../up"}, "cell"),
        ({"samples": "nowhere.png"}, "nowhere.png"),
    ],
)
def test_a_bad_field_is_named(fields, words):
    with pytest.raises(HarnessError, match=words):
        score(**fields)


def test_an_unknown_kind_is_named():
    with pytest.raises(HarnessError, match="did you mean 'score'"):
        new_record("scores", cell="a", profile="b", config={}, command="x", wall_seconds=0)


def test_non_finite_values_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        score(metrics={"digits-train": {"fd": float("nan")}})


def test_a_flipped_digit_is_found(tmp_path):
    path = tmp_path / "cell.json"
    write_record(path, score(metrics={"digits-train": {"fd": 12.5}}))
    path.write_text(path.read_text().replace("12.5", "12.4"))
    with pytest.raises(HarnessError, match=r"cell.json: its content was altered"):
        read_record(path)


def test_a_changed_configuration_is_found_even_with_a_new_digest(tmp_path):
    record = score()
    record["config"]["b"] = 2
    record["digest"] = digest({name: value for name, value in record.items() if name != "digest"})
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(record))
    with pytest.raises(HarnessError, match="config_digest"):
        read_record(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "score"}', "\x00", '{"kind": 3}'])
def test_a_corrupt_file_is_named_in_one_line(tmp_path, text):
    path = tmp_path / "cell.json"
    path.write_text(text)
    with pytest.raises(HarnessError, match=r"cell\.json") as caught:
        read_record(path)
    assert "\n" not in str(caught.value)


def test_artefacts_are_hashed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.png").write_bytes(b"abc")
    record = score(samples="s.png")
    assert record["artefacts"] == {"s.png": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


def test_git_state_ignores_results_and_locks(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(environment_module, "_git", lambda *args: calls.append(args) or "")
    assert environment_module.git_state() == {"commit": "", "dirty": False}
    assert ":(exclude)results" in calls[1]
    assert ":(exclude,glob)**/*.lock" in calls[1]
