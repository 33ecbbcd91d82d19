"""What a user sees of a run."""


def test_lines_appear_now_and_then_without_a_terminal(run, make_config, capsys, monkeypatch):
    monkeypatch.setattr("harness.training.progress.LINE_SECONDS", 0)
    run(make_config(), label="cell")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("cell: 8 of 48 images, ")
    assert all(word in lines[0] for word in ("images/s", "loss_d", "loss_g", "s left"))
