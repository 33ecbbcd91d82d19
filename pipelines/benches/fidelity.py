"""torch-fidelity as its users run it: the other side of `pipelines.benches.metrics`."""

from pathlib import Path

import numpy as np
import torch

Pair = tuple[np.ndarray, np.ndarray]  # generated and reference images, uint8 (N, 3, H, W), or their features
NAMES = ("generated", "reference")


class Items(torch.utils.data.Dataset):
    """Images in the form that torch-fidelity needs: one uint8 (3, H, W) tensor per item."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.images[index])


def torch_fidelitys_fid(images: Pair, weights: Path, batch: int, device: str, cache: Path) -> float:
    """torch-fidelity's FID, from start to end, as its users run it. Its features are kept in the empty folder `cache`."""
    from torch_fidelity import calculate_metrics

    found = calculate_metrics(
        input1=Items(images[0]),
        input2=Items(images[1]),
        fid=True,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights),
        batch_size=batch,
        cuda=device != "cpu",
        cache_root=str(cache),
        input1_cache_name=NAMES[0],
        input2_cache_name=NAMES[1],
        verbose=False,
    )
    return found["frechet_inception_distance"]


def kept_pools(cache: Path) -> Pair:
    """The pool features (N, 2048) of generated and reference images that torch-fidelity has left in `cache`."""
    generated, reference = (torch.load(next(cache.glob(f"{name}-*-features-2048.pt"))).numpy() for name in NAMES)
    return generated, reference
