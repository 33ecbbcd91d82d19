import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import torch

from harness.config import load_params
from harness.errors import HarnessError
from pipelines.commands.new import new_attention

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The registry and the digits parameters in a place of their own."""
    for path in ("baselines/attention/__init__.py", "pipelines/digits/params.yaml"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


PARAMS = Path("pipelines/digits/params.yaml")


def test_one_file_one_registry_line_one_cell(checkout):
    before = (checkout / "baselines/attention/__init__.py").read_text().splitlines()
    new_attention("mean-gate", PARAMS)
    after = (checkout / "baselines/attention/__init__.py").read_text().splitlines()
    added = [line for line in after if line not in before]
    assert added == ["from baselines.attention.mean_gate import MeanGateAttention", '    "mean-gate": MeanGateAttention,']
    imports = [line for line in after if line.startswith("from baselines.attention.")]
    assert imports == sorted(imports)
    compile("\n".join(after), "registry", "exec")
    before, params = load_params(ROOT / PARAMS), load_params(PARAMS)
    assert params["rows"] == {**before["rows"], "own-mean-gate": []}
    cell = params["cells"]["own-mean-gate"]
    assert cell == {"data": "digits", "attention": "mean-gate", "discriminator": "lada"}


def test_the_new_file_works_as_it_is(checkout):
    new_attention("mean-gate", PARAMS)
    spec = importlib.util.spec_from_file_location("mean_gate", "baselines/attention/mean_gate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    attention, x = module.MeanGateAttention(8, 2, 4).double(), torch.randn(3, 16, 8, dtype=torch.float64)
    out, maps = attention(x, return_maps=True)
    torch.testing.assert_close(out, attention.reference(x))
    torch.testing.assert_close(maps.sum(-1), torch.ones(3, 2, dtype=torch.float64))
    assert sum(parameter.numel() for parameter in attention.parameters()) == attention.params(16, 8, 2)


@pytest.mark.parametrize("name", ["lada", "Mean", "mean_gate", "-x", "x-", "a b", "swin"])
def test_a_bad_or_taken_name_changes_nothing(checkout, name):
    def state():
        return {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}

    before = state()
    with pytest.raises(HarnessError):
        new_attention(name, PARAMS)
    assert state() == before
    assert "baselines.attention.mean_gate" not in sys.modules
