"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991, eqs. 1-2).

Each set's manifold is a union of balls around its points. A ball reaches to its centre's k-th nearest neighbour, boundary
included. Precision is the share of generated images inside the reference's balls, recall the share of reference images inside the
generated set's balls. As in the ADM evaluator, they are computed on pool features with k = 3.
"""

import numpy as np
import torch

from harness.errors import HarnessError
from harness.metrics.frechet import check_features
from harness.tf32 import tf32

BLOCK_SIZE = 4096
"""Rows and columns of one block of distances. At most three float32 matrices of this size, 200 MB, exist at once."""


def precision_recall(
    generated: np.ndarray,
    reference: np.ndarray,
    neighbours: int = 3,
    block_size: int = BLOCK_SIZE,
    device: str = "cpu",
    half: bool = False,
    reference_radii: np.ndarray | None = None,
) -> tuple[float, float]:
    """Precision and recall of features generated (N, d) against reference (M, d).

    Distances are squared Euclidean in float32. Memory holds the features and three `block_size` x `block_size` matrices.
    `half` imitates the ADM evaluator's float16, which adds 0.1 to 0.3 points. `reference_radii`: of `ball_radii`, if they are
    known.
    """
    for x in (generated, reference):
        check_features(x, minimum=neighbours + 1)
    if generated.shape[1] != reference.shape[1]:
        raise HarnessError(f"given features of width {generated.shape[1]} and {reference.shape[1]}; use one extractor for both")
    gen, ref = (torch.from_numpy(np.array(x, order="C")).to(device) for x in (generated, reference))
    with tf32(False):
        gen_radii = _radii(gen, neighbours, block_size, half)
        known = reference_radii is not None
        ref_radii = torch.from_numpy(reference_radii).to(device) if known else _radii(ref, neighbours, block_size, half)
        in_ref, in_gen = _inside((gen, gen_radii), (ref, ref_radii), block_size, half)
    return in_ref.double().mean().item(), in_gen.double().mean().item()


def ball_radii(x: np.ndarray, neighbours: int = 3, block_size: int = BLOCK_SIZE, device: str = "cpu") -> np.ndarray:
    """Squared distance (N,) in float32 of every row of features (N, d) to its k-th nearest neighbour."""
    check_features(x, minimum=neighbours + 1)
    with tf32(False):
        return _radii(torch.from_numpy(np.array(x, order="C")).to(device), neighbours, block_size, half=False).cpu().numpy()


Balls = tuple[torch.Tensor, torch.Tensor]  # centres (N, d) and squared radii (N,)


def _inside(generated: Balls, reference: Balls, block_size: int, half: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks: rows of gen (N,) inside a ball of ref, and rows of ref (M,) inside a ball of gen. One pass over the blocks."""
    (gen, gen_radii), (ref, ref_radii) = generated, reference
    in_ref = torch.zeros(len(gen), dtype=torch.bool, device=gen.device)
    in_gen = torch.zeros(len(ref), dtype=torch.bool, device=gen.device)
    for i in range(0, len(gen), block_size):
        for j in range(0, len(ref), block_size):
            distances = _squared_distances(gen[i : i + block_size], ref[j : j + block_size], half)  # (n, m)
            in_ref[i : i + block_size] |= (distances <= ref_radii[j : j + block_size]).any(dim=1)
            in_gen[j : j + block_size] |= (distances <= gen_radii[i : i + block_size, None]).any(dim=0)
    return in_ref, in_gen


def _radii(x: torch.Tensor, neighbours: int, block_size: int, half: bool) -> torch.Tensor:
    """Squared distance (N,) of every point to its k-th nearest neighbour. The nearest is the point itself, hence k + 1."""
    radii = []
    for i in range(0, len(x), block_size):
        nearest = x.new_empty(len(x[i : i + block_size]), 0)
        for j in range(0, len(x), block_size):
            distances = _squared_distances(x[i : i + block_size], x[j : j + block_size], half)
            candidates = torch.cat([nearest, distances], dim=1)
            nearest = candidates.topk(min(neighbours + 1, candidates.shape[1]), dim=1, largest=False).values
        radii.append(nearest[:, -1])
    return torch.cat(radii)


def _squared_distances(a: torch.Tensor, b: torch.Tensor, half: bool) -> torch.Tensor:
    """|a|^2 + |b|^2 - 2 a.b for a (n, d), b (m, d): (n, m) float32. Values that rounding makes negative become 0.

    `half` computes in float16, and if that overflows again in float32. The ADM evaluator does the same for each block.
    """
    x, y = (a.half(), b.half()) if half else (a, b)
    squares = (x * x).sum(dim=1)[:, None] + (y * y).sum(dim=1)[None, :]
    distances = squares.addmm_(x, y.T, alpha=-2).clamp_(min=0)
    if half and not distances.isfinite().all():
        return _squared_distances(a, b, half=False)
    return distances.float()
