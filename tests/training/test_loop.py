"""`fit` under kills, signals, divergence and foreign checkpoints: the bits of an undisturbed run, or a clear end."""

import os
import signal

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.training.step import METRICS


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loop may catch it."""


def same(first, second):
    """Bit-identical weights, snapshots and curves."""
    assert first.curves == second.curves
    assert first.snapshots.keys() == second.snapshots.keys()
    for a, b in [(first.g_ema, second.g_ema), *((first.snapshots[n], second.snapshots[n]) for n in first.snapshots)]:
        assert all(torch.equal(a[name], b[name]) for name in a)


def killed_at(step):
    def after(done, values):
        if done == step:
            raise Killed
        return values

    return after


@pytest.mark.parametrize("changes", [{}, {"bcr_weight": 1.0, "r1_interval": 3, "engine": "reference"}])
def test_a_run_killed_anywhere_ends_bit_identically(run, make_config, changes):
    config = make_config(**changes)
    whole, _ = run(config, "whole")
    for step in (1, 5, 2, 4):
        with pytest.raises(Killed):
            run(config, after_step=killed_at(step))
    resumed, steps = run(config)
    same(whole, resumed)
    assert steps == 6  # saved every 3 steps, killed after the 7th


def test_result_counts_and_rows(run, make_config):
    batches = []
    result, _ = run(make_config(nimg=45), on_curves=batches.append)
    assert (result.status, result.nimg, result.steps, result.diverged_step, result.engine) == ("ok", 48, 12, None, "eager")
    assert [row["nimg"] for row in result.curves] == [8, 16, 24, 32, 40, 48]
    assert set(result.curves[0]) == {"nimg", *METRICS}
    assert [row for rows in batches for row in rows] == result.curves
    assert sorted(result.snapshots) == [24, 48]
    assert torch.equal(result.snapshots[48]["0.weight"], result.g_ema["0.weight"])
    assert result.peak_bytes > 0
    assert all(value.is_contiguous() for value in result.g_ema.values())  # safetensors takes no other


def test_every_session_is_recorded_and_none_is_credited_with_another_ones_images(run, make_config, monkeypatch):
    names = iter(("first", "second", "third"))
    device = [next(names)]
    monkeypatch.setattr("harness.records.environment.device_name", lambda _: device[0])
    with pytest.raises(Killed):
        run(make_config(), after_step=killed_at(7))  # saved after 6 of 12 steps of 4 images
    device[0] = next(names)
    result, _ = run(make_config())
    assert [(process.device, process.images) for process in result.processes] == [("first", 24), ("second", 24)]
    assert all(process.seconds > 0 for process in result.processes)
    device[0] = next(names)
    again, steps = run(make_config())  # from the last checkpoint, which is the finished run
    assert steps == 0
    assert [(process.device, process.images) for process in again.processes] == [("first", 24), ("second", 24)]


@pytest.mark.parametrize("bad_step", [1, 4, 5, 12])
def test_a_step_that_is_not_finite_ends_the_run_as_diverged_with_that_step(run, make_config, bad_step):
    def spoil(done, values):
        return values.index_fill(0, torch.tensor([2]), float("nan")) if done >= bad_step else values

    result, steps = run(make_config(), after_step=spoil)
    assert (result.status, result.diverged_step, result.nimg) == ("diverged", bad_step, bad_step * 4)
    assert steps <= bad_step + 1  # read every 2 steps
    assert all(np.isfinite(list(row.values())).all() for row in result.curves)
    assert all(nimg < bad_step * 4 for nimg in result.snapshots)
    assert len(result.curves) == bad_step // 2  # the last row holds the good steps of its interval


def test_divergence_of_real_weights_is_found(run, make_config):
    result, _ = run(make_config(lr_g=1e38, lr_d=1e38))
    assert result.status == "diverged"


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_saves_before_leaving(run, make_config, number, expected):
    config = make_config(checkpoint_nimg=48)
    whole, _ = run(config, "whole")

    def interrupt(done, values):
        if done == 5:
            os.kill(os.getpid(), number)
        return values

    with pytest.raises(expected):
        run(config, after_step=interrupt)
    resumed, steps = run(config)
    assert steps == 7
    same(whole, resumed)


@pytest.mark.parametrize("change", ["digest", "config", "data", "indices"])
def test_a_foreign_checkpoint_is_never_resumed(run, make_config, images, capsys, change):
    run(make_config())
    if change == "data":
        images[0, 0, 0, 0] ^= 1
    config = make_config(lr_d=1e-3) if change == "config" else make_config()
    options = {"indices": np.arange(20)} if change == "indices" else {}
    result, steps = run(config, digest="e" if change == "digest" else "d", **options)
    assert steps == result.steps == 12
    assert "another configuration, data or code" in capsys.readouterr().err


def test_a_finished_run_is_not_run_again(run, make_config):
    first, _ = run(make_config())
    again, steps = run(make_config())
    assert steps == 0
    same(first, again)


def test_damaged_newest_checkpoint_ends_bit_identically(run, make_config, tmp_path, capsys):
    whole, _ = run(make_config(), "whole")
    with pytest.raises(Killed):
        run(make_config(), after_step=killed_at(8))
    newest = sorted((tmp_path / "a").glob("*-000000006.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    resumed, steps = run(make_config())
    assert steps == 9
    assert "damaged" in capsys.readouterr().err
    same(whole, resumed)


def test_indices_choose_the_subset(run, make_config):
    subset, _ = run(make_config(), indices=np.arange(10))
    everything, _ = run(make_config(), "other")
    assert subset.curves != everything.curves


def test_second_trainer_and_empty_data_are_refused(run, make_config):
    def second(done, values):
        with pytest.raises(HarnessError, match="another trainer"):
            run(make_config())
        return values

    run(make_config(nimg=4), after_step=second)
    with pytest.raises(HarnessError, match="0 training images"):
        run(make_config(), "empty", indices=np.arange(0))
