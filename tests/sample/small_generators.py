"""Small generators, drawn and not trained: what a picture is made from does not matter here."""

from pathlib import Path

import torch

from baselines.attention import ATTENTIONS
from lada.configs import GeneratorConfig
from lada.generator import Generator

SMALL = GeneratorConfig(resolution=16, dims=(32, 16, 8), base=4, noise_dim=6, num_heads=2, mlp_dim=10)
PUBLISHED = Path(__file__).parents[1] / "checkpoints/published"


def drawn(attention="lada", config=SMALL):
    """A generator whose weights are large enough for its pictures to differ."""
    torch.manual_seed(0)
    generator = Generator(config, ATTENTIONS[attention]).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return generator
