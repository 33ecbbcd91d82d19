"""Names and shapes of the authors' TensorFlow variables, written out once more, and random values for them."""

from itertools import pairwise

import torch

from lada.tensorflow import SUFFIX


def dense(path, dim, dim_out):
    return {f"{path}/kernel": (dim, dim_out), f"{path}/bias": (dim_out,)}


def conv(path, dim, dim_out):
    return {f"{path}/kernel": (3, 3, dim, dim_out), f"{path}/bias": (dim_out,)}


def block(number, tokens, dim, heads, mlp):
    shapes = {f"pos_emb_{number}/position_embedding/embeddings": (tokens, dim)}
    for name, width in (("wq", dim), ("wk", dim), ("wv", dim), ("q_attn", heads), ("to_out", dim)):
        shapes |= dense(f"block_{number}/attn/{name}", dim, width)
    shapes |= dense(f"block_{number}/mlp/layer_with_weights-0", dim, mlp)
    return shapes | dense(f"block_{number}/mlp/layer_with_weights-1", mlp, dim)


def batchnorm(path, dim):
    return {f"{path}/{name}": (dim,) for name in ("gamma", "beta", "moving_mean", "moving_variance")}


def generator_shapes(config):
    """{path: TensorFlow's shape} of a generator's variables."""
    noise, dims = config["noise_dim"], config["g_dim"]
    shapes = {"init/layer_with_weights-0/kernel": (noise, 64 * dims[0])}
    for grid, dim, dim_out in zip((8, 16, 32), dims, [*dims[1:], None], strict=True):
        shapes |= block(grid, grid**2, dim, config["g_heads"][0], config["g_mlp"][0])
        for norm in (f"block_{grid}/norm1", f"block_{grid}/norm2"):
            shapes |= dense(f"{norm}/h", noise, dim) | dense(f"{norm}/gamma", dim, dim) | dense(f"{norm}/beta", dim, dim)
        if dim_out:
            shapes |= conv(f"conv_{grid}", dim // 4, dim_out)
    channels = dims[-1] // (4 if config["img_size"] == 64 else 1)
    for i, dim in enumerate(config["dec_dim"] or []):
        shapes |= {
            f"dec/layer_with_weights-{2 * i}/kernel": (3, 3, channels, dim),
            f"dec/layer_with_weights-{2 * i}/bias": (dim,),
        }
        shapes |= batchnorm(f"dec/layer_with_weights-{2 * i + 1}", dim)
        channels = dim
    return shapes | {"ch_conv/kernel": (3, 3, channels, 3), "ch_conv/bias": (3,)}


def discriminator_shapes(config):
    """{path: TensorFlow's shape} of a discriminator's variables."""
    dims, out = config["d_enc_dim"], config["d_out_dim"]
    shapes = {"inp_conv/layer_with_weights-0/kernel": (3, 3, 3, dims[0])}
    for i, (dim, dim_out) in enumerate(pairwise(dims)):
        shapes[f"encoder/{i}/main/layer_with_weights-0/kernel"] = (3, 3, dim, dim_out)
        shapes[f"encoder/{i}/main/layer_with_weights-2/kernel"] = (3, 3, dim_out, dim_out)
        shapes[f"encoder/{i}/direct/layer_with_weights-0/kernel"] = (1, 1, dim, dim_out)
        for path in ("main/layer_with_weights-1", "main/layer_with_weights-3", "direct/layer_with_weights-1"):
            shapes |= batchnorm(f"encoder/{i}/{path}", dim_out)
    shapes |= block(8, 256, dims[-1], config["d_heads"], config["d_mlp"])
    shapes |= {f"block_8/{norm}/{name}": (dims[-1],) for norm in ("norm1", "norm2") for name in ("gamma", "beta")}
    shapes |= conv("conv_4", 4 * dims[-1], out[0])
    shapes["down_4/layer_with_weights-0/kernel"] = (1, 1, out[0], out[1])
    return shapes | {"down_4/layer_with_weights-1/kernel": (4, 4, out[1], 1)}


def variables(shapes, prefix):
    """Random variables of the given shapes by their keys; of either sign, but for the statistics."""
    draw, drawn = torch.Generator().manual_seed(0), {}
    for path, shape in shapes.items():
        value = torch.rand(shape, generator=draw) + (0.1 if path.endswith("variance") else -0.5)
        drawn[f"{prefix}/{path}{SUFFIX}"] = value
    return drawn
