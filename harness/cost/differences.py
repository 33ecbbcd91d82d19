"""Operators that fvcore counts and torch's FlopCounterMode does not, each with the explanation that the tables print.

The LadaGAN paper prints fvcore's total, which includes them. Without them the two counters must agree (harness/cost/macs.py).
"""

_NORM = "fvcore adds 4 or 5 per element of a normalisation (1 or 2 for batch normalisation in evaluation mode), torch nothing"
_UPSAMPLING = "fvcore adds 1 per output element of nearest upsampling (4 if bilinear), torch nothing"
_POOLING = "fvcore adds 1 per input element of average pooling to a fixed size, torch nothing"

KNOWN_DIFFERENCES = {
    "layer_norm": _NORM,
    "batch_norm": _NORM,
    "group_norm": _NORM,
    "instance_norm": _NORM,
    "upsample_nearest2d": _UPSAMPLING,
    "upsample_bilinear2d": _UPSAMPLING,
    "grid_sampler": _UPSAMPLING,
    "adaptive_avg_pool2d": _POOLING,
}
