"""Every attention mechanism under its name.

A new one is a file here, with the protocol that lada.attention.AdditiveAttention shows, and a line below.
"""

from torch import nn

from baselines.attention.dot_product import DotProductAttention
from baselines.attention.fastformer import FastformerAttention
from baselines.attention.lada_swin import LadaSwinAttention
from baselines.attention.linformer import LinformerAttention
from baselines.attention.swin import SwinAttention
from lada.attention import AdditiveAttention

ATTENTIONS: dict[str, type[nn.Module]] = {
    "lada": AdditiveAttention,
    "dot-product": DotProductAttention,
    "linformer": LinformerAttention,
    "fastformer": FastformerAttention,
    "swin": SwinAttention,
    "lada-swin": LadaSwinAttention,
}
