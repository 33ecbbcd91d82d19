"""Converts the authors' TensorFlow checkpoints to weights of our networks.

This file is beside the networks, because it knows their names. It takes tensors that were already read: the harness reads the
file format and knows no architecture. Variables are named by the attributes of the classes in tensorflow/model.py of
milmor/LadaGAN at d5d667a. A variable's key is its path of attributes with the suffix of TensorFlow's checkpoints.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
GENERATOR_WEIGHTS = ("ema_generator", "generator")  # the average, which the paper samples from; the last weights
_ADVICE = "expected the checkpoint that the configuration belongs to"
_SLOT = "/.OPTIMIZER_SLOT/"  # older optimisers store their moments below the weight's path

_ATTENTION = {"query": "wq", "key": "wk", "value": "wv", "score": "q_attn", "output": "to_out"}
_BLOCK = {f"attention.{ours}": f"attn/{theirs}" for ours, theirs in _ATTENTION.items()}
_BLOCK |= {"mlp.0": "mlp/layer_with_weights-0", "mlp.2": "mlp/layer_with_weights-1"}
_MODULATED = {
    f"norm{i}.{ours}": f"norm{i}/{theirs}"
    for i in (1, 2)
    for ours, theirs in (("hidden", "h"), ("gamma", "gamma"), ("beta", "beta"))
}
_PLAIN = {"norm1": "norm1", "norm2": "norm2"}
_DOWN = {f"main.{ours}": f"main/layer_with_weights-{theirs}" for theirs, ours in enumerate((0, 1, 3, 4))}
_DOWN |= {f"direct.{ours}": f"direct/layer_with_weights-{theirs}" for theirs, ours in enumerate((1, 2))}
_KERNEL = {"weight": "kernel", "bias": "bias"}
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def generator_state(config: GeneratorConfig, tensors: Mapping[str, Tensor], weights: str = "ema_generator") -> dict[str, Tensor]:
    """State dict of Generator(config) from all variables of a checkpoint by key.

    weights: "ema_generator" or "generator". Every variable below it must have a place in the network, and every weight must be
    found, in float32 and with the shape from `config`. ValueError names the first that does not fit.
    """
    if weights not in GENERATOR_WEIGHTS:
        raise ValueError(f"given weights {weights!r}; expected one of {', '.join(GENERATOR_WEIGHTS)}")
    if config.base != 8 or not config.lee_conv or config.mlp_residual or not config.modulation:
        raise ValueError(
            "given a generator of an ablation; expected base 8, lee_conv, modulation and no mlp_residual, as published"
        )
    return _state(Generator, config, _generator_paths(config), tensors, weights)


def discriminator_state(config: DiscriminatorConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State dict of Discriminator(config), under the same conditions as `generator_state`."""
    if config.base != 8 or config.kind != "lada":
        raise ValueError(f"given base {config.base} and kind {config.kind!r}; expected 8 and 'lada', as published")
    return _state(Discriminator, config, _discriminator_paths(config), tensors, "discriminator")


def _generator_paths(config: GeneratorConfig) -> dict[str, str]:
    """{our module: their path}. In their names, a block's number is the side of its grid."""
    paths = {"linear": "init/layer_with_weights-0", "output.conv": "ch_conv"}
    for i, grid in enumerate(config.grids):
        paths |= _block_paths(f"blocks.{i}", grid, _MODULATED)
        paths[f"expansions.{i}.conv"] = f"conv_{grid}"  # none follows the last block
    for i in range(len(config.decoder_dims)):
        paths[f"output.decoder.{i}.1"] = f"dec/layer_with_weights-{2 * i}"
        paths[f"output.decoder.{i}.2"] = f"dec/layer_with_weights-{2 * i + 1}"
    return paths


def _discriminator_paths(config: DiscriminatorConfig) -> dict[str, str]:
    paths = {"stem.0": "inp_conv/layer_with_weights-0", "attention.conv": "conv_4"}
    paths |= {"head.0": "down_4/layer_with_weights-0", "head.2": "down_4/layer_with_weights-1"}
    paths |= _block_paths("attention.block", 8, _PLAIN)  # 16 x 16 tokens, in spite of the name
    for i in range(len(config.encoder_dims) - 1):
        paths |= {f"encoder.{i}.{ours}": f"encoder/{i}/{theirs}" for ours, theirs in _DOWN.items()}
    return paths


def _block_paths(ours: str, number: int, norms: dict[str, str]) -> dict[str, str]:
    paths = {f"{ours}.{module}": f"block_{number}/{path}" for module, path in (_BLOCK | norms).items()}
    return paths | {ours: f"pos_emb_{number}/position_embedding"}


def _state(
    build: Callable[[Any], nn.Module],
    config: GeneratorConfig | DiscriminatorConfig,
    paths: dict[str, str],
    tensors: Mapping[str, Tensor],
    prefix: str,
) -> dict[str, Tensor]:
    """State dict of `build(config)`. The variables of its modules are below `prefix`, at `paths`."""
    if config.framework != "tensorflow":
        raise ValueError(
            f"given framework {config.framework!r}; expected 'tensorflow', whose epsilons and orders the weights need"
        )
    with torch.device("meta"):  # names and shapes only
        network = build(config)
    state, used = {}, set()
    for name, ours in network.state_dict().items():
        module, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":  # torch counts batches; theirs does not, and evaluation ignores it
            state[name] = torch.tensor(0)
            continue
        key = f"{prefix}/{paths[module]}/{_leaf(network.get_submodule(module), leaf)}{SUFFIX}"
        state[name] = _weight(tensors, key, ours.shape)
        used.add(key)
    surplus = sorted(key for key in tensors.keys() - used if key.startswith(f"{prefix}/") and _SLOT not in key)
    if surplus:
        raise ValueError(f"{len(surplus)} variables below {prefix} have no place in the network, first {surplus[0]}; {_ADVICE}")
    return state


def _leaf(module: nn.Module, leaf: str) -> str:
    if leaf == "position":
        return "embeddings"
    return (_KERNEL if isinstance(module, nn.Linear | nn.Conv2d) else _NORM)[leaf]


def _weight(tensors: Mapping[str, Tensor], key: str, shape: torch.Size) -> Tensor:
    """The variable in our layout. Their kernels have the opposite order of axes: (in, out) and (h, w, in, out)."""
    if key not in tensors:
        raise ValueError(f"no variable {key}; {_ADVICE}")
    value = tensors[key]
    if "/kernel/" in key:
        value = value.T if value.ndim == 2 else value.permute(3, 2, 0, 1) if value.ndim == 4 else value
    if value.dtype != torch.float32 or value.shape != shape:
        raise ValueError(f"{key} is {value.dtype} {tuple(value.shape)} in our layout, not float32 {tuple(shape)}; {_ADVICE}")
    return value.contiguous()
