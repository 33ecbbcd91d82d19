"""`--set`: a trial's settings are checked like the file, and errors are one line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError, run_command
from pipelines import evaluate, train
from pipelines.commands import plan
from pipelines.profile import Profile, load_profile

PARAMS = "pipelines/digits/params.yaml"
WRONG = {
    "train.augment=[color": "--set train.augment is not valid YAML",
    "rows=*": "--set rows is not valid YAML",
    "rows=['1:16']": "unknown key in cells.table1-16 'rows'; expected one of",
    "train.nimg": "--set: given 'train.nimg'; expected KEY=VALUE such as train.nimg=4096",
    "": "--set: given ''; expected KEY=VALUE",
    "=3": "--set: given '=3'; expected KEY=VALUE",
    "train.=3": "--set: given 'train.=3'; expected KEY=VALUE",
    "train.betas.0=3": "--set: given 'train.betas.0=3'; expected KEY=VALUE",
    "seed.x=1": "seed has no entries|unknown key|seed: given",
    "train=": "cells.table1-16.train: given nothing; expected `key: value` entries",
    "train.nimg=2024-01-01": "--set train.nimg: given datetime.date.*expected text, a number",
    "train.nimg=1e3": "cells.table1-16.train.nimg: given 1000.0 .a number.; expected a whole number",
    "train.nimg='64'": "train.nimg: given '64' .*; write it without quotes",
    "train.lr_g=fast": "train.lr_g: given 'fast'",
    "train.lr_g=.nan": "a finite number",
    "train.nimgs=64": "unknown key in cells.table1-16.train 'nimgs'.*did you mean 'nimg'",
    "data=toys": "unknown dataset .cells.table1-16.data. 'toys'",
    "attention=ladda": "unknown attention 'ladda'; .*did you mean 'lada'",
    "generator.dims=[256, 64, '16']": r"generator.dims\[2\]: given '16'",
    "generator.base=8": "cells.table1-16.generator: given resolution 16; expected 32",
    "discriminator_options.kind=conv": "discriminator_options.kind: given",
    "fraction=2": "fraction: given 2.0; expected a share",
    "train.nimg=&a [*a]": "or in themselves",
}


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(PARAMS)


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_is_one_line_from_every_command(setting, capsys):
    commands = [(stage, "--cell", "table1-16") for stage in (train.main, evaluate.main)] + [(plan.main, "--untimed")]
    said = []
    for main, *words in commands:
        with pytest.raises(SystemExit) as left:
            run_command(lambda main=main, words=words: main(["--params", PARAMS, *words, "--set", setting]))
        assert left.value.code == 2
        said.append(capsys.readouterr().err)
        assert said[-1].count("\n") == 1
    assert re.search(WRONG[setting], said[0]), said[0]


def test_a_key_is_set_once(profile):
    with pytest.raises(HarnessError, match=r"--set: given 'train\.nimg' twice"):
        profile.cell("table1-16", ["train.nimg=64", "train.nimg=65"])


@given(st.text(max_size=30), st.text(st.sampled_from("ab1 -.:_[]{}&*!|>'\"#%@`?,<~e0x"), max_size=30))
def test_any_setting_is_taken_or_one_short_line(profile, key, value):
    for name in (key, f"train.{key}", "train.nimg", "generator", "fraction"):
        try:
            cell = profile.cell("table1-16", [f"{name}={value}"])
        except HarnessError as error:
            assert len(str(error)) < 1500  # noqa: PT017
        else:
            assert cell.is_trial


def test_a_setting_leaves_the_profile_as_it_is(profile):
    before = profile.cells["table1-16"]
    assert profile.cell("table1-16", ["train.nimg=64"]).train.nimg == 64
    assert profile.cell("table1-16") is before
    assert load_profile(PARAMS).cells["table1-16"] == before
