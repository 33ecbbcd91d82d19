"""Published weights, written as files of our own."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from harness.checkpoints.bundle import bundle_files
from harness.errors import HarnessError
from harness.files import sha256_file
from lada.configs import GeneratorConfig
from lada.generator import Generator
from pipelines.published.convert import METADATA, convert, convert_folder, load_generator, read_published
from tests.checkpoints.networks import network_of


def test_the_written_file_holds_the_average_and_where_it_came_from(published, tmp_path):
    folder, out = published("decoder128"), tmp_path / "out" / "g.safetensors"
    facts = convert(folder, out)
    with safe_open(out, "pt") as file:
        assert json.loads(file.metadata()[METADATA]) == json.loads(json.dumps(facts))
    assert (facts["checkpoint"], facts["n_images"], facts["weights"]) == ("ckpt-2048", 2048, "ema_generator")
    names = ["checkpoint", "ckpt-2048.index", "ckpt-2048.data-00000-of-00001"]
    paths = ["config.json", *(f"best-training-checkpoints/{name}" for name in names)]
    assert facts["sha256"] == {path: sha256_file(folder / path) for path in paths}
    generator = Generator(GeneratorConfig(**facts["config"]))
    generator.load_state_dict(load_file(out))
    expected = network_of(read_published(folder)).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in generator.state_dict().items())


def test_the_same_folder_gives_the_same_bytes(published, tmp_path):
    folder, outs = published("pixel32"), [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for out in outs:
        convert(folder, out)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_refused_folder_leaves_the_earlier_output(published, tmp_path):
    folder, out = published("pixel32"), tmp_path / "g.safetensors"
    convert(folder, out)
    before = out.read_bytes()
    data = bundle_files(folder / "best-training-checkpoints" / "ckpt-4096")[1]
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(HarnessError, match="cut off"):
        convert(folder, out)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.safetensors", "pixel32"]


def test_a_written_folder_gives_the_generator_back_and_a_foreign_one_is_refused(published, tmp_path):
    folder, out = published("pixel32"), tmp_path / "out"
    convert_folder(folder, out)
    generator = load_generator(out)
    assert not generator.training
    expected = network_of(read_published(folder)).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in generator.state_dict().items())
    config = json.loads((out / "config.json").read_text())
    for change, message in (
        ({"dims": [64, 32, 8]}, "model.safetensors: .*size mismatch"),
        ({"attention": "ladda"}, "did you mean 'lada'"),
        ({"dims": "wide"}, r"config\.json"),
        ({"colour": 1}, "unknown key .*'colour'"),
    ):
        (out / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(HarnessError, match=message) as raised:
            load_generator(out)
        assert "\n" not in str(raised.value)
    (out / "config.json").write_text(json.dumps(config))
    (out / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(HarnessError, match=r"model\.safetensors: .*expected the weights"):
        load_generator(out)
    (out / "model.safetensors").unlink()
    with pytest.raises(HarnessError, match="no weights at"):
        load_generator(out)
