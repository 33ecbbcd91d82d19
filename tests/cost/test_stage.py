import csv
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from baselines.attention import ATTENTIONS
from harness.closure import source_files
from harness.errors import HarnessError
from harness.paper import printed_tables
from harness.records.measured import Throughput
from harness.records.models import CostRecord
from harness.records.record import read_as
from lada.names import discriminator_id, generator_id
from pipelines import cost
from pipelines.networks import networks

PAPER = Path(__file__).parents[2] / "harness/paper"


def rows(table):
    with (PAPER / f"table_{table}.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if not row[next(iter(row))].startswith("#")]


def test_every_row_of_tables_1_and_2_has_its_networks():
    known = networks()
    for row in rows(1):
        generator = generator_id(row["attention"], 32, None, row["convolution"] == "yes", row["modulation"] == "yes")
        assert {generator, discriminator_id(row["discriminator"], 32)} <= known.keys()
    for row in rows(2):
        resolution = int(row["resolution"])
        generator = generator_id("lada", resolution, row["g_dims"])
        assert {generator, discriminator_id(row["discriminator"], resolution)} <= known.keys()


def test_every_mechanism_has_its_generators_and_table_5_all_its_networks():
    trainable = [name for name, mechanism in ATTENTIONS.items() if mechanism.twice_differentiable]
    names = {generator_id(attention, 32, None, conv) for attention in trainable for conv in (True, False)}
    names |= {generator_id("lada", resolution) for resolution in (32, 64, 128, 256)}
    table = printed_tables()[5]
    names |= {table.network(index, column) for index in range(1, len(table.rows) + 1) for column in table.columns}
    assert names <= networks().keys()


@pytest.fixture
def params(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "params.yaml"
    path.write_text("profile: tiny\ndata: {digits: {name: digits}}\ncost: {repeats: 1, pass_seconds: 0.001}\n")
    return path


def test_a_killed_stage_goes_on_where_it_was(params, monkeypatch):
    names = ["g32-linformer-noconv", "d32-conv"]
    monkeypatch.setattr(cost, "_in_fresh_process", lambda *arguments: cost.measure_network(*arguments))
    run = ["--params", str(params), "--only", *names]
    monkeypatch.setattr(cost, "network_code", lambda name: "0" * 64)  # whoever edits a source meanwhile must not fail this test
    whole, measured = cost.measure_network, []

    def killed_at_the_second(name, *arguments):
        measured.append(name)
        if measured == names:
            raise KeyboardInterrupt
        whole(name, *arguments)

    monkeypatch.setattr(cost, "measure_network", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        cost.main(run)
    cost.main(run)
    assert measured == [*names, "d32-conv"]
    record = read_as(CostRecord, "results/tiny/costs/g32-linformer-noconv.json")
    assert round(record.macs.printed_convention / 1e9, 4) == 0.6205
    assert record.macs.closed_form == record.macs.torch_meta
    measured = read_as(Throughput, "results/tiny/throughput/g32-linformer-noconv.json")
    assert measured.rates["1"].repeats == 1
    assert measured.record_digest == record.digest


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Names of the networks that were measured, in this process."""
    names = []

    def measure(name, *arguments):
        names.append(name)
        cost.measure_network(name, *arguments)

    monkeypatch.setattr(cost, "_in_fresh_process", measure)
    return names


def test_only_what_has_changed_is_measured_again(params, measured, monkeypatch):
    names = ["strans-g", "d32-conv"]
    codes = dict.fromkeys(names, "0" * 64)
    monkeypatch.setattr(cost, "network_code", codes.get)
    run = ["--params", str(params), "--only", *names]

    def again(*words: str) -> list[str]:
        measured.clear()
        cost.main([*run, *words])
        return list(measured)

    assert again() == names
    assert again() == []
    assert again("--again") == names
    codes["d32-conv"] = "1" * 64
    assert again() == ["d32-conv"]
    params.write_text(params.read_text().replace("0.001", "0.002"))
    assert again() == ["d32-conv"]  # nothing of the other is timed
    monkeypatch.setattr(cost, "device_name", lambda device: "another machine")
    with monkeypatch.context() as patch:
        patch.setattr(cost, "counted_fields", lambda entry: pytest.fail("counted again"))
        assert again() == ["d32-conv"]  # what was counted elsewhere is true here
    Path("results/tiny/costs/strans-g.json").write_text("{}")
    assert again()[0] == "strans-g"


def test_a_network_depends_on_its_own_code_and_on_what_counts(monkeypatch):
    found = {}
    monkeypatch.setattr(cost, "code_digest", lambda *modules, stops: found.update({name: source_files(*modules, stops=stops)}))
    for name in ("g32-swin-noconv", "d32-conv", "vitgan-32", "ct-256", "strans-g"):
        cost.network_code(name)
    assert all({"pipelines/cost.py", "pipelines/networks.py", "harness/cost/macs.py"} <= set(files) for files in found.values())
    own = {name: {file for file in files if file.startswith(("baselines", "lada"))} for name, files in found.items()}
    assert {"baselines/attention/swin.py", "lada/generator.py"} <= own["g32-swin-noconv"]
    assert {"lada/discriminator.py"} <= own["d32-conv"]
    assert {"baselines/generators/consistency.py", "baselines/generators/adm.py"} <= own["ct-256"]
    assert "baselines/generators/strans_g.py" in own["strans-g"]
    assert {"baselines/generators/vitgan.py", "baselines/attention/dot_product.py"} <= own["vitgan-32"]
    everywhere = set.intersection(*own.values())
    counts = {"baselines/__init__.py", "baselines/generators/network.py"}
    assert everywhere == counts | {f"lada/{name}.py" for name in ("__init__", "attention", "layers")}  # how weights are drawn
    assert not any("linformer" in file for files in own.values() for file in files)


def test_a_full_run_replaces_the_folder(params, monkeypatch):
    monkeypatch.setattr(cost, "networks", lambda: {"strans-g": networks()["strans-g"]})
    monkeypatch.setattr(cost, "_in_fresh_process", lambda *arguments: cost.measure_network(*arguments))
    old = Path("results/tiny/costs/gone.json")
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    cost.main(["--params", str(params)])
    assert [path.name for path in old.parent.iterdir()] == ["strans-g.json"]
    record = read_as(CostRecord, old.parent / "strans-g.json")
    assert record.params is None
    assert "no public code" in record.note
    assert not list(Path("results/tiny/throughput").iterdir())


def test_a_killed_measurement_is_one_line(params, monkeypatch):
    class Pool:
        def __init__(self, *_, **__): ...

        def __enter__(self):
            return self

        def __exit__(self, *_): ...

        def submit(self, *_):
            raise BrokenProcessPool

    monkeypatch.setattr(cost, "ProcessPoolExecutor", Pool)
    with pytest.raises(HarnessError, match=r"measured d32-conv was killed, .*free some, then run again"):
        cost.main(["--params", str(params), "--only", "d32-conv"])


def test_unknown_network_is_refused(params):
    with pytest.raises(HarnessError, match=r"unknown network 'g33-lada-conv'.*did you mean 'g32-lada-conv'"):
        cost.main(["--params", str(params), "--only", "g33-lada-conv"])


def test_senseless_limit_is_refused(params):
    params.write_text("profile: tiny\ndata: {digits: {name: digits}}\ncost: {repeats: 0}\n")
    with pytest.raises(HarnessError, match=r"cost: given repeats 0; expected more than 0"):
        cost.main(["--params", str(params)])
