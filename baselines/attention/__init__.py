"""Every attention mechanism under its name.

To add one, write a file here with a subclass of lada.attention.Attention, and add a line below.
"""

from baselines.attention.axial import AxialAttention
from baselines.attention.dot_product import DotProductAttention
from baselines.attention.dot_product_fused import FusedDotProductAttention
from baselines.attention.fastformer import FastformerAttention
from baselines.attention.hit import HitAttention
from baselines.attention.l2 import L2Attention
from baselines.attention.lada_swin import LadaSwinAttention
from baselines.attention.linear import LinearAttention
from baselines.attention.linformer import LinformerAttention
from baselines.attention.nystrom import NystromAttention
from baselines.attention.swin import SwinAttention
from baselines.attention.transgan_grid import TransganGridAttention
from lada.attention import AdditiveAttention, Attention
from lada.fused import FusedAdditiveAttention

ATTENTIONS: dict[str, type[Attention]] = {
    "lada": AdditiveAttention,
    "dot-product": DotProductAttention,
    "linformer": LinformerAttention,
    "fastformer": FastformerAttention,
    "swin": SwinAttention,
    "lada-swin": LadaSwinAttention,
    "l2": L2Attention,
    "linear": LinearAttention,
    "nystrom": NystromAttention,
    "axial": AxialAttention,
    "transgan-grid": TransganGridAttention,
    "hit": HitAttention,
    "lada-fused": FusedAdditiveAttention,
    "dot-product-fused": FusedDotProductAttention,
}
