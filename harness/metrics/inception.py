"""Inception-v3 of 2015-12-05, as torch-fidelity converted it. Adds the spatial features that sFID needs.

sFID (Nash et al. 2021, arXiv 2103.03841) uses the first 7 channels of mixed_6/conv, 17 x 17, flattened in TensorFlow's order
height, width, channel: feature (y * 17 + x) * 7 + c. In torch-fidelity that layer is `Mixed_6d.branch1x1`.
"""

import hashlib
import io
import math
import pickle
from pathlib import Path

import torch
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
from torch_fidelity.registry import register_feature_extractor

from harness.data.download import fetch
from harness.errors import HarnessError
from harness.metrics.fidelity import METRIC_LAYERS, PROVIDED, check_arguments, create
from harness.metrics.folded import check_same, fold, trunk

NAME = "inception-v3"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
MAX_BYTES = 128 << 20  # the file has 91 MiB
SPATIAL_CHANNELS = 7
AT_ONCE = 16  # images: on a CPU a larger batch leaves the cache and takes 1.15 times as long
# {our name: torch-fidelity's name} of its layers; "spatial" is added here.
LAYERS = {"pool": "2048", "logits": "logits_unbiased"}


class InceptionFeatures(FeatureExtractorInceptionV3):
    """Pool (B, 2048), spatial (B, 2023) and bias-free logits (B, 1008) of uint8 images (B, 3, H, W), in one forward pass."""

    resolution = 299
    pool_dim = 2048
    spatial_dim = SPATIAL_CHANNELS * 17 * 17

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: object = None, **arguments: object
    ) -> None:
        check_arguments(arguments)
        super().__init__(name, features_list, feature_extractor_weights_path)
        self.features_list: list[str] = features_list
        self._spatial: torch.Tensor | None = None
        self._folded = False
        self.Mixed_6d.branch1x1.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        self._spatial = spatial_features(output)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The wanted outputs, by the folded network. The first call folds it, and compares both on two images."""
        if not self._folded:
            expected = self.unmodified(x[:2])
            fold(self)
            given = self._outputs(x[:2])
            check_same(tuple(given[name] for name in self.features_list), expected, tuple(self.features_list))
            self._folded = True
        parts = [self._outputs(part) for part in x.split(AT_ONCE if x.device.type == "cpu" else max(len(x), 1))]
        return tuple(torch.cat([part[name] for part in parts]) for name in self.features_list)

    def _outputs(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        pool = trunk(self, x, self.resolution)
        spatial, self._spatial = self._spatial, None
        assert spatial is not None  # the hook has kept it
        return {"pool": pool, "spatial": spatial, "logits": pool.mm(self.fc.weight.T)}

    def unmodified(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The wanted outputs, by torch-fidelity's own pass."""
        wanted = self.features_list
        self.features_list = [LAYERS[name] for name in wanted if name != "spatial"] or ["768"]
        try:
            found = dict(zip(self.features_list, super().forward(x), strict=True))
        finally:
            self.features_list = wanted
        found["spatial"], self._spatial = self._spatial, None
        return tuple(found[LAYERS.get(name, name)] for name in wanted)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return PROVIDED

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return METRIC_LAYERS[metric]

    @staticmethod
    def can_be_compiled() -> bool:
        return False


def spatial_features(maps: torch.Tensor) -> torch.Tensor:
    """Maps (B, C, H, W) -> the first 7 channels as features (B, H * W * 7), channel fastest."""
    return maps[:, :SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1)  # (B, H*W*7)


register_feature_extractor(NAME, InceptionFeatures)


def load_inception(weights: Path | None, random_seed: int | None) -> tuple[str, str, nn.Module]:
    """Label, sha256 and module, with the pinned weights from a file or the download, or with random ones if a seed is given."""
    if random_seed is not None:
        state = random_state(random_seed)
        sha256 = _state_hash(state)
        return f"{NAME}-random@{sha256[:8]}", sha256, from_state(state)
    return NAME, SHA256, from_state(_pinned_state(weights or _download()))


def from_state(state: dict[str, torch.Tensor]) -> nn.Module:
    """The extractor with these weights."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return create(NAME, file)


def _pinned_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of the pinned weights file. Its bytes are hashed first, and no code in it is ever run."""
    content = path.read_bytes()
    given = hashlib.sha256(content).hexdigest()
    if given != SHA256:
        raise HarnessError(
            f"given Inception weights {path} with sha256 {given}; expected {SHA256}; "
            f"use {URL_INCEPTION_V3} or give no file to download it"
        )
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise HarnessError(f"cannot read the weights file {path}: {error}; download it again") from error


def published_weights(path: Path | None) -> Path:
    """The pinned weights file, at `path` or downloaded. HarnessError if it is missing or has another hash."""
    if path is not None and not path.is_file():
        raise HarnessError(f"no Inception weights at {path}; fetch {URL_INCEPTION_V3} and put it there")
    found = path or _download()
    _pinned_state(found)
    return found


def _download() -> Path:
    """torch-fidelity's weights in torch's own download folder, fetched if they are not there yet."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rsplit("/", 1)[1]
    return fetch(URL_INCEPTION_V3, path, f"sha256:{SHA256}", MAX_BYTES)


class _Blank(FeatureExtractorInceptionV3):
    """The network without loaded weights. Its base class always loads weights, so loading does nothing here."""

    def load_state_dict(self, _state: dict, **_options: object) -> None:
        return None


def random_state(seed: int) -> dict[str, torch.Tensor]:
    """Random Inception weights for tests and dry runs, scaled so that features keep their size from layer to layer."""
    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        state = _Blank("blank", ["2048"], empty).state_dict()
    state["fc.bias"].normal_(generator=rng)
    for value in state.values():
        if value.ndim >= 2:
            value.normal_(0, math.sqrt(2 / value[0].numel()), generator=rng)
    return state


def _state_hash(state: dict[str, torch.Tensor]) -> str:
    content = hashlib.sha256()
    for key in sorted(state):
        content.update(key.encode() + state[key].numpy().tobytes())
    return content.hexdigest()
