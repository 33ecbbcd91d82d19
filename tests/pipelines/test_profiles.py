"""In every profile all cells are valid, and every table row is filled once."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from harness.config import load_params
from harness.errors import HarnessError
from pipelines.profile import Profile, load_cell, load_profile

PROFILES = ("digits", "paper")


def params_path(profile: str) -> Path:
    return Path("pipelines") / profile / "params.yaml"


@cache
def read_once(profile: str) -> Profile:
    return load_profile(params_path(profile))


@pytest.mark.parametrize(
    ("profile", "name"), [(profile, name) for profile in PROFILES for name in load_params(params_path(profile))["cells"]]
)
def test_every_cell_resolves(profile, name):
    cell = read_once(profile).cell(name)
    assert cell.name == name
    assert cell.config()["attention"] == cell.params.attention


@pytest.mark.parametrize(("profile", "tables"), [("digits", {1: range(1, 17), 2: range(1, 13), 3: range(4, 10), 4: [10]})])
def test_every_row_of_the_digits_tables_is_filled_by_exactly_one_cell(profile, tables):
    rows = [row for cell in load_params(params_path(profile))["rows"].values() for row in cell]
    assert sorted(rows) == sorted(f"{table}:{row}" for table, numbers in tables.items() for row in numbers)


def test_the_paper_profile_fills_every_row_that_the_paper_trained():
    cells = load_params(params_path("paper"))["rows"]
    rows = [row for name, cell in cells.items() if "-seed" not in name for row in cell]
    expected = [f"1:{row}" for row in range(1, 17)] + [f"2:{row}" for row in range(1, 13)] + [f"3:{row}" for row in range(4, 10)]
    assert set(expected) <= set(rows)
    ablations = [row for row in rows if row[0] in "123"]
    assert len(ablations) == len(set(ablations))
    assert rows.count("4:10") == 5  # LadaGAN's row of Table IV, one cell a dataset and resolution


@pytest.mark.parametrize("profile", PROFILES)
def test_cells_are_what_table_1_prints(profile):
    printed = pd.read_csv("harness/paper/table_1.csv")
    for row in printed.itertuples():
        cell = read_once(profile).cell(f"table1-{row.row:02d}")
        assert f"1:{row.row}" in cell.rows
        assert (cell.params.attention, cell.params.discriminator) == (row.attention, row.discriminator)
        flags = (cell.generator.lee_conv, cell.generator.mlp_residual, cell.generator.modulation)
        assert flags == tuple(flag == "yes" for flag in (row.convolution, row.residual_mlp, row.modulation))


def test_paper_learning_rates_are_those_of_table_2():
    for row in pd.read_csv("harness/paper/table_2.csv").itertuples():
        name = "table1-16" if row.row == 3 else f"table2-{row.row:02d}"
        cell = read_once("paper").cell(name)
        assert cell.train.lr_d == row.d_lr
        assert (cell.train.bcr_weight > 0) == (row.bcr == "yes")
        assert "-".join(map(str, cell.generator.dims)) == row.g_dims


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"attention": "ladda"}, "unknown attention 'ladda'.*did you mean 'lada'"),
        ({"discriminator": "convv"}, "unknown discriminator 'convv'"),
        ({"fraction": 0}, "fraction"),
        ({"train": {"nimg": "many"}}, "train.nimg.*whole number"),
        ({"train": {"lr": 0.1}}, "unknown key in .*'lr'"),
        ({"generator": {"dims": [64, "32"]}}, "generator.dims"),
    ],
)
def test_a_wrong_cell_names_the_key_and_the_choices(tmp_path, edit, message):
    from ruamel.yaml import YAML

    params = load_params(params_path("digits"))
    params["cells"]["table1-01"] = {**params["cells"]["table1-01"], **edit}
    with (tmp_path / "params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    with pytest.raises(HarnessError, match=message):
        load_cell(tmp_path / "params.yaml", "table1-01")


def test_an_unknown_cell_is_named_with_its_nearest():
    with pytest.raises(HarnessError, match=r"unknown cell.*'table1-17'.*did you mean"):
        load_cell(params_path("digits"), "table1-17")


def test_settings_change_a_cell_without_an_edit_and_go_elsewhere():
    cell = load_cell(params_path("digits"), "table1-16", ["train.nimg=64", "fraction=0.5"])
    assert (cell.train.nimg, cell.params.fraction) == (64, 0.5)
    assert cell.results == Path("results/digits-trial")
    assert cell.rows == ()
    assert cell.data_root == load_cell(params_path("digits"), "table1-16").data_root


def test_trials_of_a_cell_have_names_of_their_own():
    names = [
        load_cell(params_path("digits"), "table1-16", settings).name
        for settings in (["train.nimg=64"], ["train.nimg=128"], ["train.lr_g=0.001"], ["train.lr_g=0.01"], ["fraction=0.5"])
    ]
    assert names[:2] == ["table1-16-nimg-64", "table1-16-nimg-128"]
    assert len(set(names)) == len(names)
    assert load_cell(params_path("digits"), "table1-16", ["train.lr_g=1.0e-3"]).name == names[2]  # the same configuration


@pytest.mark.parametrize("setting", ["train.nimg", "=3", "train.a.b=1", "rows.x=1", "nimg=64", "train.nimg=many"])
def test_a_wrong_setting_is_refused(setting):
    with pytest.raises(HarnessError):
        load_cell(params_path("digits"), "table1-16", [setting])


def test_a_plan_counts_images_and_writes_nothing(capsys, tmp_path, monkeypatch):
    from pipelines.commands.plan import main

    path = params_path("paper").resolve()
    monkeypatch.chdir(tmp_path)
    main(["--params", str(path), "--cell", "table1-16", "table2-07", "--set", "train.nimg=1280", "--untimed"])
    shown = capsys.readouterr().out
    assert "2,560 images in 2 cells" in shown
    assert "not measured" in shown
    assert list(tmp_path.iterdir()) == []


def test_a_replicate_differs_from_its_cell_by_the_seed_alone():
    original, replicate = (load_cell(params_path("paper"), name).config() for name in ("table2-07", "table2-07-seed2"))
    assert replicate["train"].pop("seed") == 2
    assert original["train"].pop("seed") == 0
    assert replicate == original
