"""Every attention mechanism under its name. A new one is a file here (protocol: lada.attention.AdditiveAttention) and a line below."""

from torch import nn

from lada.attention import AdditiveAttention

ATTENTIONS: dict[str, type[nn.Module]] = {
    "lada": AdditiveAttention,
}
