"""The authors' TensorFlow networks once more, in numpy and float64: channels last, their names, their layouts.

After tensorflow/model.py of milmor/LadaGAN at d5d667a, in evaluation. `v` maps a variable's path below the network to its
values; images are (B, H, W, 3), tokens (B, N, C).
"""

import numpy as np
from scipy.special import erf


def generator(v, z, grids, heads, patch=1, stages=0):
    """Images and attention maps [(B, heads, N)] from latents (B, noise)."""
    x = (z @ v["init/layer_with_weights-0/kernel"]).reshape(len(z), 64, -1)
    maps = []
    for grid in grids:
        x = x + v[f"pos_emb_{grid}/position_embedding/embeddings"]
        attended, weights = attention(v, f"block_{grid}/attn", modulated(v, f"block_{grid}/norm1", x, z), heads)
        x = x + attended
        x = mlp(v, f"block_{grid}/mlp", modulated(v, f"block_{grid}/norm2", x, z))
        maps.append(weights)
        x = x.reshape(len(z), grid, grid, -1)
        if grid != grids[-1]:
            x = conv(v, f"conv_{grid}", depth_to_space(x, 2)).reshape(len(z), 4 * grid**2, -1)
    for stage in range(stages):
        x = conv(v, f"dec/layer_with_weights-{2 * stage}", x.repeat(2, axis=1).repeat(2, axis=2))
        x = leaky(batchnorm(v, f"dec/layer_with_weights-{2 * stage + 1}", x))
    return conv(v, "ch_conv", depth_to_space(x, patch)), maps


def discriminator(v, img, stages, heads):
    """Logits (B, 25) of images."""
    x = leaky(conv(v, "inp_conv/layer_with_weights-0", img))
    for i in range(stages):
        main = leaky(norm_conv(v, f"encoder/{i}/main/layer_with_weights", 0, x, stride=2))
        main = leaky(norm_conv(v, f"encoder/{i}/main/layer_with_weights", 2, main))
        pooled = (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
        x = (main + leaky(norm_conv(v, f"encoder/{i}/direct/layer_with_weights", 0, pooled))) / 2
    tokens = x.reshape(len(x), 256, -1) + v["pos_emb_8/position_embedding/embeddings"]
    tokens = tokens + attention(v, "block_8/attn", plain(v, "block_8/norm1", tokens), heads)[0]
    tokens = tokens + mlp(v, "block_8/mlp", plain(v, "block_8/norm2", tokens))
    x = conv(v, "conv_4", space_to_depth(tokens.reshape(x.shape)))
    x = leaky(conv(v, "down_4/layer_with_weights-0", x))
    return conv(v, "down_4/layer_with_weights-1", x, same=False).reshape(len(x), -1)


def attention(v, path, x, heads):
    q, k, value = (dense(v, f"{path}/{name}", x) for name in ("wq", "wk", "wv"))
    scores = dense(v, f"{path}/q_attn", q).transpose(0, 2, 1) / (x.shape[-1] // heads) ** 0.5
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)  # (B, heads, N)
    split = q.reshape(*q.shape[:2], heads, -1)
    pooled = np.einsum("bhn,bnhd->bhd", weights, split).reshape(len(x), 1, -1)
    return dense(v, f"{path}/to_out", pooled * k * value), weights


def mlp(v, path, x):
    hidden = dense(v, f"{path}/layer_with_weights-0", x)
    return dense(v, f"{path}/layer_with_weights-1", hidden * (1 + erf(hidden / 2**0.5)) / 2)


def modulated(v, path, x, z):
    hidden = np.maximum(dense(v, f"{path}/h", z), 0)
    return normalised(x) * dense(v, f"{path}/gamma", hidden)[:, None] + dense(v, f"{path}/beta", hidden)[:, None]


def plain(v, path, x):
    return normalised(x) * v[f"{path}/gamma"] + v[f"{path}/beta"]


def normalised(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)


def batchnorm(v, path, x):
    scaled = (x - v[f"{path}/moving_mean"]) / np.sqrt(v[f"{path}/moving_variance"] + 1e-3)
    return scaled * v[f"{path}/gamma"] + v[f"{path}/beta"]


def norm_conv(v, path, layer, x, stride=1):
    return batchnorm(v, f"{path}-{layer + 1}", conv(v, f"{path}-{layer}", x, stride))


def dense(v, path, x):
    return x @ v[f"{path}/kernel"] + v[f"{path}/bias"]


def conv(v, path, x, stride=1, same=True):
    """Convolution; padding "same" puts the odd pixel of an even image's stride of 2 at the right and at the bottom."""
    kernel = v[f"{path}/kernel"]
    size = len(kernel)
    total = size - stride if same else 0
    x = np.pad(x, ((0, 0), *[(total // 2, total - total // 2)] * 2, (0, 0)))
    steps = (x.shape[1] - size) // stride + 1
    out = sum(
        x[:, dy : dy + stride * steps : stride, dx : dx + stride * steps : stride] @ kernel[dy, dx]
        for dy in range(size)
        for dx in range(size)
    )
    return out + v.get(f"{path}/bias", 0.0)


def depth_to_space(x, size):
    batch, side, _, channels = x.shape
    x = x.reshape(batch, side, side, size, size, channels // size**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, side * size, side * size, -1)


def space_to_depth(x):
    batch, side, _, channels = x.shape
    x = x.reshape(batch, side // 2, 2, side // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, side // 2, side // 2, -1)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)
