"""What a cell's evaluation scores, and how often."""

from types import SimpleNamespace

from pipelines.evaluate import measure


class Recorder:
    """A sampler and a scorer in one: the score is the number in the loaded file's name."""

    def __init__(self, curve_images=None):
        self.loaded, self.scored = "untrained", []
        self.params = SimpleNamespace(curve_images=curve_images)

    def load(self, path):
        self.loaded = path.name

    def score(self, sampler):
        self.scored.append(sampler.loaded)
        number = float(sampler.loaded.split("-")[1].split(".")[0]) if "-" in sampler.loaded else 3.0
        return {"p": {"fid": number}}

    def runs(self, sampler):
        first = self.score(sampler)
        return [first, {"p": {"fid": first["p"]["fid"] + 2}}]


def run(tmp_path, status="ok", curve_images=None):
    weights = {"g_ema-1.safetensors": "a", "g_ema-2.safetensors": "b", "g_ema-3.safetensors": "c", "g_ema.safetensors": "c"}
    for name in weights:
        (tmp_path / name).touch()
    both = Recorder(curve_images)
    return measure(SimpleNamespace(cell="cell", weights=weights, status=status), tmp_path, both, both), both


def test_weights_that_are_the_last_snapshot_are_scored_once(tmp_path):
    found, both = run(tmp_path)
    assert both.scored == ["untrained", "g_ema.safetensors", "g_ema-1.safetensors", "g_ema-2.safetensors"]
    assert [(entry.nimg, entry.metrics["p"]["fid"]) for entry in found["history"]] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert found["metrics"] == {"p": {"fid": 4.0}}  # the mean of both seeds
    assert found["best"].nimg == 1
    assert both.loaded == "g_ema.safetensors"  # for the pictures


def test_the_last_weights_are_a_point_of_a_curve_of_fewer_images_too(tmp_path):
    found, both = run(tmp_path, curve_images=5000)
    assert both.scored[-1] == "g_ema-3.safetensors"
    assert found["history"][-1].metrics["p"] == {"fid": 3.0}
    assert (found["metrics"]["p"], found["curve_images"]) == ({"fid": 4.0}, 5000)


def test_a_diverged_run_has_no_final_score(tmp_path):
    found, both = run(tmp_path, status="diverged")
    assert sorted(found) == ["curve_images", "history", "untrained"]
    assert both.scored == ["untrained", "g_ema-1.safetensors", "g_ema-2.safetensors", "g_ema-3.safetensors"]
    assert both.loaded == "g_ema.safetensors"
