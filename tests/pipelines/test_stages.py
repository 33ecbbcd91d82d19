"""The stages' dependencies in dvc.yaml: all that they import and read, except what cannot change a result."""

from pathlib import Path

import pytest
from closures import MODULES, grimps_closure

from baselines.attention import ATTENTIONS
from harness.closure import HARMLESS, ROOT, source_files
from harness.errors import HarnessError
from pipelines.commands import stages
from pipelines.inputs import cell_stage_files, mechanism_files
from pipelines.profile import load_cell


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


def test_a_checkpoint_belongs_to_the_files_that_dvc_is_told_of():
    cell = load_cell(ROOT / "pipelines/digits/params.yaml", "table1-01")
    assert set(cell.code_files()) == {*cell_stage_files("train"), *mechanism_files(ATTENTIONS["swin"])}
    assert not any("progress" in path or "tracking" in path for path in cell.code_files())
