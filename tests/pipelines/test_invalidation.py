"""A change runs exactly the stages again that depend on it."""

import sys
from pathlib import Path

import pytest
from closures import MODULES, grimps_closure
from dvc.repo import Repo
from tiny_project import make_project, write_params

from baselines.attention import ATTENTIONS
from harness.closure import source_files
from harness.config import load_params
from harness.files import write_text
from pipelines.inputs import CELL_STAGES, cell_stage_files, listing, mechanism_files

PIPELINE = "pipelines/digits/dvc.yaml"
CELLS = {
    "swin-conv": {"data": "digits", "attention": "swin", "discriminator": "conv"},
    "lada-fastformer": {"data": "digits", "attention": "lada", "discriminator": "fastformer"},
}


@pytest.fixture(scope="module")
def dvc(tmp_path_factory):
    """Root of a project in which DVC finds everything done; the outputs are stand-ins, but for the listings of source files.

    DVC runs in this process, because each start takes a second."""
    root = make_project(tmp_path_factory.mktemp("project"))
    params = load_params(root / "pipelines/digits/params.yaml")
    write_params(root, params | {"cells": CELLS, "rows": {name: [] for name in CELLS}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("HARNESS_PYTHON", sys.executable)
        list_sources(root)
        with Repo(".") as repo:
            for path in {Path(out.fs_path) for stage in repo.index.stages for out in stage.outs}:
                if not path.exists():
                    (path / "made" if path.suffix == "" else path).parent.mkdir(parents=True, exist_ok=True)
                    (path / "made" if path.is_dir() else path).write_text("made")
            for target in (PIPELINE, "dvc.yaml"):
                repo.commit(target, force=True)
        assert changed() == set()
        yield root


def list_sources(root: Path) -> None:
    """Writes what the stages train-code, evaluate-code and mechanisms would."""
    inputs = root / "results/digits/inputs"
    texts = {stage: listing(cell_stage_files(stage), root) for stage in CELL_STAGES}
    for name, mechanism in ATTENTIONS.items():
        for role in ("generator", "discriminator"):
            texts[f"mechanisms/{role}/{name}"] = listing(mechanism_files(mechanism), root)
    texts["mechanisms/discriminator/conv"] = listing(source_files("lada.discriminator"), root)
    for name, text in texts.items():
        write_text(inputs / name, text)


def changed() -> set[str]:
    """Names of the stages that DVC would run again."""
    with Repo(".") as repo:
        return {name.rpartition(":")[2] for target in (PIPELINE, "dvc.yaml") for name in repo.status([target])}


ALL = set(CELLS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "trained", "scored"),
    [
        ("harness.data.fractions", ALL, ALL),
        ("harness.data.arrays", ALL, ALL),
        ("harness.config", ALL, ALL),
        ("harness.records.record", ALL, ALL),
        ("baselines.generators.vitgan", set(), set()),
        ("baselines.attention.swin", {"swin-conv"}, {"swin-conv"}),
        ("pipelines.compose", ALL, ALL),
        ("harness.report.tables", set(), set()),
        ("harness.training.progress", set(), set()),
    ],
)
def test_a_change_invalidates_exactly_the_stages_that_import_it(dvc, graph, module, trained, scored):
    closures = {stage: grimps_closure(graph, start) for stage, start in MODULES.items()}
    closures["prepare@digits"] = grimps_closure(graph, "pipelines.prepare", stops=("harness.data",))  # not every dataset
    closures["prepare@digits"] |= grimps_closure(graph, "harness.data.digits")
    closures["anchors@digits"] = grimps_closure(graph, "pipelines.anchors", stops=("pipelines.compose",))  # no network
    expected = {stage for stage, closure in closures.items() if module in closure}
    expected -= {f"{stage}-code" for stage, cells in (("train", trained), ("evaluate", scored)) if cells != ALL}
    expected |= {f"train@{cell}" for cell in trained} | {f"evaluate@{cell}" for cell in scored}
    expected |= {"mechanisms"} if module.startswith("baselines.attention") else set()
    file = dvc / f"{module.replace('.', '/')}.py"
    before = file.read_bytes()
    try:
        file.write_bytes(before + b"\n# changed\n")
        list_sources(dvc)
        assert changed() == expected
    finally:
        file.write_bytes(before)
        list_sources(dvc)
    assert (expected == set()) == (module == "harness.training.progress")


@pytest.mark.slow
def test_a_row_of_the_tables_is_no_business_of_the_training(dvc):
    path = dvc / "pipelines/digits/params.yaml"
    before = path.read_bytes()
    params = load_params(path)
    try:
        write_params(dvc, params | {"rows": params["rows"] | {"swin-conv": ["1:1"]}})
        assert changed() == {"names", "evaluate@swin-conv", "report"}
    finally:
        path.write_bytes(before)


@pytest.mark.slow
def test_a_deleted_mlflow_database_is_missed(dvc):
    database = dvc / "mlflow.db"
    database.rename(dvc / "kept")
    try:
        assert changed() == {"mlflow"}
    finally:
        (dvc / "kept").rename(database)


@pytest.mark.slow
def test_a_new_mechanism_invalidates_no_cell(dvc):
    registry = dvc / "baselines/attention/__init__.py"
    registry.write_text(registry.read_text().rstrip().removesuffix("}") + '    "another-name": AdditiveAttention,\n}\n')
    with Repo(".") as repo:
        repo.reproduce(f"{PIPELINE}:mechanisms", single_item=True)
    assert (dvc / "results/digits/inputs/mechanisms/generator/another-name").is_file()
    assert changed() == {"cost"}  # which counts and times the networks that it does not know
