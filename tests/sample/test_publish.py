"""The command `python -m harness.publish`: the folder is the trained generator, bit for bit, and its card what the Hub reads."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from small_generators import SMALL, drawn

from baselines.attention import ATTENTIONS
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.records.store import load_store
from lada.hub import Generator
from pipelines.commands import sample
from pipelines.commands.publish import FILES, main
from pipelines.model_card import figures


def loaded(folder, **options):
    return Generator.from_pretrained(folder, **options)


def test_the_folder_is_the_generator_bit_for_bit(add_cell, capsys):
    record, generator = add_cell()
    main(["table1-16", "--to", "model"])
    assert {path.name for path in Path("model").iterdir()} == FILES
    assert sha256_file("model/model.safetensors") == record.weights_sha256
    back = loaded("model")
    assert back.state_dict().keys() == generator.state_dict().keys()
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in generator.state_dict().items())
    assert (back.config, back.training) == (SMALL, False)
    z = torch.randn(3, SMALL.noise_dim)
    assert torch.equal(back(z), generator(z))
    assert "loaded back bit for bit, 10 scores in its card" in capsys.readouterr().out


def test_what_the_mixin_saves_again_is_the_same_model(add_cell):
    add_cell()
    main(["table1-16", "--to", "model"])
    loaded("model").save_pretrained("again")
    assert Path("again/config.json").read_bytes() == Path("model/config.json").read_bytes()
    assert all(torch.equal(value, loaded("again").state_dict()[name]) for name, value in loaded("model").state_dict().items())


def test_the_card_holds_the_scores_under_their_true_names_with_verdicts(add_cell):
    record, _ = add_cell()
    main(["table1-16", "--to", "model"])
    data = ModelCard.load("model/README.md").data
    assert (data.license, data.library_name, data.datasets) == ("mit", "ladagan-harness", ["digits"])
    assert "arxiv:2401.09596" in data.tags
    assert data.model_name == "digits-table1-16"
    found = {(entry.dataset_config, entry.metric_type): entry for entry in data.eval_results}
    assert found.keys() == {(protocol, label) for protocol, scores in record.metrics.items() for label in scores}
    first = found["digits-train", "fd/digits-cnn"]
    assert (first.metric_value, first.metric_name, first.dataset_split) == (14.5, "FD (digits-cnn)", "train")
    assert first.metric_args == {"printed": "3.29", "verdict": "not comparable", "images": "1,437 against 1,437"}
    text = Path("model/README.md").read_text()
    assert "| FD (digits-cnn) | digits-train | 1,437 against 1,437 | 14.5000 | 3.29 (Table I, row 16) | not comparable |" in text
    assert "FID" not in text
    assert record.weights_sha256 in text


def test_scores_under_the_papers_protocol_have_the_papers_verdict(add_cell):
    scores = {"cifar10-50k": {"fid": 3.3, "is": 9.1}}
    counts = {"cifar10-50k": {"generated": 50_000, "reference": 50_000}}
    record, _ = add_cell(level="paper", metrics=scores, counts=counts, untrained={}, history=[])
    found = {figure.label: figure for figure in figures(load_store("digits"), record)}
    assert (found["fid"].name, found["fid"].printed, found["fid"].verdict) == ("FID", "3.29", "inconclusive")
    assert found["fid"].where == "Table I, row 16"


def test_another_attention_is_loaded_with_its_class(add_cell):
    _, generator = add_cell("swin-cell", "swin")
    main(["swin-cell", "--to", "model"])
    back = loaded("model", mechanism=ATTENTIONS["swin"])
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in generator.state_dict().items())
    assert "mechanism=ATTENTIONS['swin']" in Path("model/README.md").read_text()
    with pytest.raises(ValueError, match="given attention 'swin'; expected one of lada"):
        loaded("model")


@pytest.mark.parametrize("attention", ["lada", "linformer"])
def test_the_cards_python_runs_as_it_stands(add_cell, attention):
    _, generator = add_cell("cell", attention)
    main(["cell", "--to", "model"])
    _, _, rest = Path("model/README.md").read_text().partition("```python\n")
    names = {}
    exec(rest.partition("```")[0].replace("FOLDER", "model"), names)
    assert names["images"].shape == (4, 3, 16, 16)
    assert torch.equal(names["generator"].state_dict()["linear.weight"], generator.state_dict()["linear.weight"])


def test_the_sample_picture_is_drawn_again_from_the_folder(add_cell):
    add_cell()
    main(["table1-16", "--to", "model"])
    sample.main(["model", "--seeds", "0-63", "--grid", "again.png"])
    assert Path("again.png").read_bytes() == Path("model/samples.png").read_bytes()


def test_the_same_cell_gives_the_same_bytes(add_cell):
    add_cell()
    for name in ("one", "two"):
        main(["table1-16", "--to", name])
    assert all((Path("one") / name).read_bytes() == (Path("two") / name).read_bytes() for name in FILES)


def test_weights_of_another_network_are_no_model(add_cell):
    add_cell()
    main(["table1-16", "--to", "model"])
    described = json.loads(Path("model/config.json").read_text())
    Path("model/config.json").write_text(json.dumps(described | {"modulation": False}))
    with pytest.raises(RuntimeError, match="state_dict"):
        loaded("model")
    Path("model/config.json").write_text(json.dumps(described | {"depth": 3}))
    with pytest.raises(TypeError, match="depth"):
        loaded("model")


@pytest.mark.parametrize(
    ("prepare", "words", "complaint"),
    [
        ("", "table1-1", "no trained weights of table1-1"),
        ("mkdir model; touch model/mine", "table1-16 --force", "holds files that this command did not write"),
        ("mkdir model", "table1-16", "model exists; name another place, or replace it with --force"),
        ("touch model", "table1-16 --force", "model is a file"),
        ("rm results/digits/records/table1-16.json", "table1-16", "run the evaluate stage of table1-16 first"),
    ],
)
def test_what_cannot_be_published_is_refused(add_cell, tmp_path, prepare, words, complaint):
    add_cell()
    add_cell("other")
    subprocess.run(["sh", "-c", prepare], check=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HarnessError, match=complaint) as error:
        main([*words.split(), "--to", "model"])
    assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"weights_sha256": "d" * 64}, "is of other weights than"),
        ({"status": "diverged", "diverged_step": 3, "metrics": {}, "history": []}, "its training diverged, so it has no scores"),
    ],
)
def test_only_scores_of_these_weights_are_published(add_cell, fields, complaint):
    add_cell(**fields)
    with pytest.raises(HarnessError, match=complaint):
        main(["table1-16", "--to", "model"])
    assert not Path("model").exists()


def test_pictures_differ_so_that_these_tests_could_fail():
    generator = drawn()
    img = generator(torch.randn(2, SMALL.noise_dim)).detach().numpy()
    assert np.abs(img[0] - img[1]).max() > 0.1
