import csv
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from baselines.attention import ATTENTIONS
from harness.errors import HarnessError
from harness.paper import printed_tables
from harness.records.models import CostRecord, Throughput
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
    path.write_text("profile: tiny\ncost: {repeats: 1, pass_seconds: 0.001}\n")
    return path


def test_a_killed_stage_goes_on_where_it_was(params, monkeypatch):
    names = ["g32-linformer-noconv", "d32-conv"]
    monkeypatch.setattr(cost, "_in_fresh_process", lambda *arguments: cost.measure_network(*arguments))
    run = ["--params", str(params), "--only", *names]
    monkeypatch.setattr(cost, "CODE", ())  # whoever edits a source meanwhile must not fail this test
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
    assert not list(Path(".ckpt/tiny").iterdir())
    record = read_as(CostRecord, "results/tiny/costs/g32-linformer-noconv.json")
    assert round(record.macs.printed_convention / 1e9, 4) == 0.6205
    assert record.macs.closed_form == record.macs.torch_meta
    measured = read_as(Throughput, "results/tiny/throughput/g32-linformer-noconv.json")
    assert measured.rates["1"].repeats == 1
    assert measured.record_digest == record.digest


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
    params.write_text("profile: tiny\ncost: {repeats: 0}\n")
    with pytest.raises(HarnessError, match=r"cost: given repeats 0; expected more than 0"):
        cost.main(["--params", str(params)])
