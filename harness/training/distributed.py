"""Several ranks share one global batch. They get the losses, gradients and weights that one rank would compute on that batch.

Every rank draws the random numbers of the global batch and takes its slice. Through BatchNorm, one rank's images affect the
outputs and R1 gradients of another's. These effects go through sums over ranks that can be differentiated twice.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.replace import replace_layers


@dataclass(frozen=True)
class Ranks:
    """The number of this process and how many there are. Without torchrun there is one."""

    rank: int = 0
    size: int = 1

    def part(self, batch: int) -> slice:
        """This rank's share of a global batch; HarnessError unless all shares are equal."""
        if batch % self.size:
            raise HarnessError(f"train.batch: given {batch} for {self.size} ranks; expected a multiple; change one of the two")
        share = batch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    @torch.no_grad()
    def average(self, tensors: list[Tensor]) -> list[Tensor]:
        """Each tensor's mean over the ranks, in one exchange."""
        if self.size == 1:
            return tensors
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def share(self, value: Any) -> Any:
        """Rank 0's `value` on every rank."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    @torch.no_grad()
    def begin_alike(self, tensors: list[Tensor]) -> None:
        """Copies rank 0's values into every rank's tensors: what each drew for itself may differ between machines."""
        if self.size > 1:
            for own, first in zip(tensors, self.share([tensor.cpu() for tensor in tensors]), strict=True):
                own.copy_(first)

    def any(self, flag: bool) -> bool:
        """Whether any rank's flag is set."""
        if self.size == 1:
            return flag
        flags: list[bool] = [False] * self.size
        dist.all_gather_object(flags, flag)
        return any(flags)


def join_ranks() -> Ranks:
    """Joins the processes that torchrun started (gloo on the CPU, NCCL on CUDA). Without torchrun there is one rank."""
    if not dist.is_initialized():
        if not _started_by_torchrun():
            return Ranks()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # so that "cuda" means this rank's own GPU
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Ranks(dist.get_rank(), dist.get_world_size())


def _started_by_torchrun() -> bool:
    """Whether torchrun started several processes. HarnessError if it seems so, but the variables that number them are missing."""
    size = os.environ.get("WORLD_SIZE") or "1"
    wanted = {"RANK": r"\d+", "MASTER_ADDR": r".+", "MASTER_PORT": r"\d+"}
    if torch.cuda.is_available():
        wanted["LOCAL_RANK"] = r"\d+"
    missing = [name for name, pattern in wanted.items() if not re.fullmatch(pattern, os.environ.get(name, ""))]
    if not re.fullmatch(r"[1-9]\d*", size) or (size != "1" and missing):
        lacking = f" without {', '.join(missing)}" if missing else ""
        raise HarnessError(f"WORLD_SIZE: given {size!r} in the environment{lacking}; expected torchrun to set them; unset it")
    return size != "1"


def use_global_batchnorm(network: nn.Module) -> None:
    """Makes each BatchNorm inside `network` normalise over the global batch, in place.

    torch's SyncBatchNorm needs CUDA and cannot be differentiated twice.
    """
    replace_layers(network, _as_global)


def _as_global(layer: nn.Module) -> "GlobalBatchNorm | None":
    if not isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return None
    return GlobalBatchNorm(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats, device="meta")


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm over the equal shares of all ranks. Its operations can be traced. `use_global_batchnorm` makes it."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> (B, C, ...)."""
        if not self.training:
            return nn.functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        input_dtype, x = x.dtype, x.to(self.running_mean.dtype)  # under autocast, statistics stay in full precision
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        has_ranks = dist.is_initialized() and dist.get_world_size() > 1
        rank_sum, size = (RankSum.apply, dist.get_world_size()) if has_ranks else (lambda value: value, 1)
        count = x.numel() // x.shape[1] * size
        mean = rank_sum(x.sum(axes)) / count
        centred = x - mean.view(shape)
        var = rank_sum(centred.square().sum(axes)) / count
        self._track(mean.detach(), var.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(var + self.eps)
        return (centred * scale.view(shape) + self.bias.view(shape)).to(input_dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var, self.momentum)
        self.num_batches_tracked += 1


class RankSum(torch.autograd.Function):
    """Sum over ranks. If the loss is summed over ranks, the gradient of this sum is again a sum over ranks."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return RankSum.apply(gradient)
