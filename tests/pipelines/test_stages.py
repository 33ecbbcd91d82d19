"""What DVC is told: each stage depends on what it imports and reads, on nothing that cannot change it, and the files say so."""

import sys
from pathlib import Path

import grimp
import pytest
from dvc.repo import Repo
from tiny_project import make_project, write_params

from baselines.attention import ATTENTIONS
from harness.closure import HARMLESS, PACKAGES, REGISTRIES, ROOT, source_files
from harness.config import load_params
from harness.errors import HarnessError
from harness.files import write_text
from pipelines.commands import stages
from pipelines.inputs import CELL_STAGES, cell_stage_files, listing, mechanism_files
from pipelines.profile import load_cell

PIPELINE = "pipelines/digits/dvc.yaml"
MODULES = {  # of the stages that list their imports themselves, and of the two that do it for all cells
    "prepare@digits": "pipelines.prepare",
    "extractor": "pipelines.extractor",
    "anchors@digits": "pipelines.anchors",
    "train-code": "pipelines.train",
    "evaluate-code": "pipelines.evaluate",
    "cost": "pipelines.cost",
    "report": "harness.report.__main__",
    "metrics": "harness.records.summary",
    "mlflow": "harness.tracking.__main__",
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def grimps_closure(graph: grimp.ImportGraph, module: str, stops: tuple[str, ...] = ()) -> set[str]:
    """What harness.closure finds, from grimp's reading of the same imports."""
    harmless = {name for name in HARMLESS if not module.startswith(name)}
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)}
        if name not in found | set(stops) and harmless.isdisjoint({name, *parents}):
            found.add(name)
            waiting += graph.find_modules_directly_imported_by(name) | (parents - {*REGISTRIES})
    return found


def modules_of(files: list[str]) -> set[str]:
    names = [path.removesuffix(".py").removesuffix("/__init__") for path in files if path.endswith(".py")]
    return {name.replace("/", ".") for name in names}


@pytest.mark.parametrize("module", MODULES.values())
def test_the_closure_is_what_grimp_finds(graph, module):
    assert modules_of(source_files(module)) == grimps_closure(graph, module)


def test_what_lies_in_a_package_and_beside_a_module_counts_but_for_registries_and_what_is_harmless(tmp_path):
    files = {
        "lada/__init__.py": "import lada.always",
        "lada/always.py": "",
        "lada/a.py": "def f():\n    from . import b\n    import torch, baselines.attention.x",
        "lada/b.py": "from lada.deep.c import value\nfrom harness.training.progress import Progress",
        "lada/unused.py": "",
        "lada/deep/__init__.py": "from ..always import *",
        "lada/deep/c.py": "value = 1",
        "lada/deep/table.csv": "",
        "baselines/__init__.py": "",
        "baselines/attention/__init__.py": "import baselines.attention.y",
        "baselines/attention/x.py": "",
        "baselines/attention/y.py": "",
        "harness/training/progress.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    left_out = {"lada/unused.py", "baselines/attention/__init__.py", "baselines/attention/y.py", "harness/training/progress.py"}
    assert set(source_files("lada.a", root=tmp_path)) == files.keys() - left_out
    assert set(source_files("lada.a", stops=["lada.b"], root=tmp_path)) == {
        *("lada/__init__.py", "lada/always.py", "lada/a.py", "baselines/__init__.py", "baselines/attention/x.py")
    }


def test_each_harmless_module_exists_and_says_why():
    assert all(source_files(module) for module in HARMLESS)
    assert all(reason for reason in HARMLESS.values())


def test_every_committed_pipeline_is_what_code_and_parameters_ask_for():
    stages.main(["--check"])


def test_a_folder_stands_for_its_files_only_if_all_of_them_are_named(tmp_path):
    for name in ("a/b/x.py", "a/b/y.csv", "a/b/notes.txt", "a/z.py", "c/x.py", "c/y.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert stages.with_folders(["a/b/x.py", "a/b/y.csv", "c/x.py"], tmp_path) == ["a/b", "c/x.py"]
    assert stages.with_folders(["a/b/x.py", "a/b/y.csv", "a/z.py", "c/x.py"], tmp_path) == ["a", "c/x.py"]
    assert stages.with_folders(["a/b/x.py", "a/z.py"], tmp_path) == ["a/b/x.py", "a/z.py"]


def test_a_new_dataset_is_no_business_of_the_others():
    files = stages.prepare_files({"data": {"a": {"name": "digits"}, "b": {"name": "lsun"}}})
    assert {"harness/data/digits.py", "harness/data/lsun.py", "pipelines/prepare.py"} <= set(files)
    assert not {"harness/data/__init__.py", "harness/data/celeba.py"} & set(files)
    with pytest.raises(HarnessError, match="unknown dataset 'digts'"):
        stages.prepare_files({"data": {"a": {"name": "digts"}}})


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """The parameters of one profile, in a place of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pipelines" / "tiny"
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text("profile: tiny\ndata: {a: {name: digits}}\nevaluate: {a: {}}\n")
    return folder


def test_a_stale_pipeline_is_named_and_written(checkout, monkeypatch):
    with pytest.raises(HarnessError, match=r"pipelines/tiny/dvc.yaml, dvc.yaml: not what .*run `python -m pipelines.commands.s"):
        stages.main(["--check", "tiny"])
    stages.main(["tiny"])
    stages.main(["--check"])  # started now
    monkeypatch.setattr(stages, "cell_stage_files", lambda stage: [*cell_stage_files(stage), "lada/a_new_import.py"])
    with pytest.raises(HarnessError, match=r"^pipelines/tiny/dvc.yaml: not what"):
        stages.main(["--check"])


def test_a_profile_that_nobody_started_is_left_alone(checkout, capsys):
    stages.main([])
    assert capsys.readouterr().out == "dvc.yaml: written\n"
    assert not (checkout / "dvc.yaml").exists()
    with pytest.raises(HarnessError, match="tiny"):
        stages.main(["tinny"])


def test_files_from_outside_are_named_unless_a_checksum_pins_them():
    params = {
        "data": {
            "a": {"name": "cifar10", "path": "x"},
            "b": {"name": "cifar10", "path": "y", "checksum": None},
            "c": {"name": "image-folder", "path": "z"},
            "d": {"name": "digits"},
        },
        "evaluate": {"a": {"statistics": "s.npz"}, "b": {}},
    }
    none = stages.NO_FILE
    assert stages.data_sources(params) == {"a": none, "b": "y", "c": "z", "d": none}
    assert stages.statistics_files(params) == {"a": "s.npz", "b": none}
    assert stages.data_sources({"data": {"d": {"name": "digits"}}}) == {}


@pytest.mark.parametrize("profile", ["x; touch P", "2024", "other"])
def test_a_profile_is_named_as_its_folder(checkout, profile):
    (checkout / "params.yaml").write_text(f"profile: {profile}\n")
    with pytest.raises(HarnessError, match="expected 'tiny', the name of its folder"):
        stages.main(["tiny"])
    assert not (checkout / "dvc.yaml").exists()


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
        ("harness.report.tables", set(), set()),
        ("harness.training.progress", set(), set()),
    ],
)
def test_a_change_invalidates_exactly_the_stages_that_import_it(dvc, graph, module, trained, scored):
    closures = {stage: grimps_closure(graph, start) for stage, start in MODULES.items()}
    closures["prepare@digits"] = grimps_closure(graph, "pipelines.prepare", stops=("harness.data",))  # not every dataset
    closures["prepare@digits"] |= grimps_closure(graph, "harness.data.digits")
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


def test_a_checkpoint_belongs_to_the_files_that_dvc_is_told_of():
    cell = load_cell(ROOT / "pipelines/digits/params.yaml", "table1-01")
    assert set(cell.code_files()) == {*cell_stage_files("train"), *mechanism_files(ATTENTIONS["swin"])}
    assert not any("progress" in path or "tracking" in path for path in cell.code_files())


@pytest.mark.slow
def test_a_new_mechanism_invalidates_no_cell(dvc):
    registry = dvc / "baselines/attention/__init__.py"
    registry.write_text(registry.read_text().rstrip().removesuffix("}") + '    "another-name": AdditiveAttention,\n}\n')
    with Repo(".") as repo:
        repo.reproduce(f"{PIPELINE}:mechanisms", single_item=True)
    assert (dvc / "results/digits/inputs/mechanisms/generator/another-name").is_file()
    assert changed() == {"cost"}
