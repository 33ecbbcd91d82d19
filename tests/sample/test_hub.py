"""The real client of the Hugging Face hub against a hub on loopback: what is pushed is what from_pretrained loads."""

import json
from pathlib import Path

import pytest
import torch
from fake_hub import COMMIT, REPOSITORY, TOKEN, fake_hub
from huggingface_hub import HfApi, constants
from small_generators import drawn

from harness.errors import HarnessError
from lada.hub import Generator
from pipelines.commands.publish import FILES, push


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with fake_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
        yield server


@pytest.fixture
def model(tmp_path):
    """A model folder: saved by the mixin, with the two files that only publish writes."""
    generator = drawn()
    saved = Generator(**{name: getattr(generator.config, name) for name in generator.config.__dataclass_fields__})
    saved.load_state_dict(generator.state_dict())
    saved.save_pretrained(tmp_path / "model")
    (tmp_path / "model/README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "model/samples.png").write_bytes(b"no picture")
    (tmp_path / "model/notes.txt").write_text("private")
    return generator


def test_what_is_pushed_is_what_is_loaded_by_its_name(hub, model, tmp_path):
    address = push(Path("model"), REPOSITORY, HfApi(endpoint=hub.url, token=TOKEN))
    assert address == f"{hub.url}/{REPOSITORY}/commit/{COMMIT}"
    assert hub.files == {name: (tmp_path / "model" / name).read_bytes() for name in FILES}  # and nothing else that lies there
    assert hub.messages == ["Publish lada generator of the LadaGAN harness"]
    back = Generator.from_pretrained(REPOSITORY, cache_dir=tmp_path / "cache", token=False)
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_wrong_token_is_one_line(hub, model):
    with pytest.raises(HarnessError, match=r"--push me/lada: .*401.*log in with `hf auth login`") as error:
        push(Path("model"), REPOSITORY, HfApi(endpoint=hub.url, token="hf_wrong"))
    assert "\n" not in str(error.value)
    assert hub.files == {}


def test_a_repository_of_another_network_is_refused(hub, model, tmp_path):
    push(Path("model"), REPOSITORY, HfApi(endpoint=hub.url, token=TOKEN))
    described = json.loads(hub.files["config.json"])
    hub.files["config.json"] = json.dumps(described | {"mlp_dim": 12}).encode()
    with pytest.raises(RuntimeError, match="size mismatch"):
        Generator.from_pretrained(REPOSITORY, cache_dir=tmp_path / "cache", token=False)
