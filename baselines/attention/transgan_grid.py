"""TransGAN's grid attention: Swin's windows without the shift."""

from baselines.attention.swin import SwinAttention


class TransganGridAttention(SwinAttention):
    """softmax(Q K^T / sqrt d_h + B) V inside fixed windows. No token attends across a window's border."""

    title = "TransGAN grid (8x8)"
    source = "Jiang et al. 2021, arXiv 2102.07074"
    shifts = False
