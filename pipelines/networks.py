"""All full-size networks whose costs are measured, by the names that the report uses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from baselines.attention import ATTENTIONS
from baselines.generators import GENERATORS
from baselines.generators.network import Network
from harness.cost.macs import input_shapes
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS, DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator
from lada.layers import quick_draws
from lada.names import discriminator_id, generator_id

PAPER = "arXiv 2401.09596"


def lada_generator(config: GeneratorConfig, attention: str) -> tuple[str, Network]:
    """Name and entry of a generator of the paper's family."""
    parts = [ATTENTIONS[attention].title, *(["no LEE convolution"] if not config.lee_conv else [])]
    parts += [] if config.modulation else ["no modulation"]
    title = f"{config.resolution}x{config.resolution} generator, {', '.join(parts)}, dims {'-'.join(map(str, config.dims))}"
    name = generator_id(attention, config.resolution, config.dims, config.lee_conv, config.modulation)
    build = _quickly(lambda: Generator(config, ATTENTIONS[attention]))
    inputs = lambda batch: (torch.randn(batch, config.noise_dim),)  # noqa: E731
    code = ("lada.configs", "lada.generator", ATTENTIONS[attention].__module__)
    return name, Network(title, config.resolution, PAPER, build, inputs, convention="fvcore", code=code)


def lada_discriminator(config: DiscriminatorConfig, kind: str) -> tuple[str, Network]:
    """Name and entry of a discriminator. `kind` is "conv" or an attention."""
    side = config.resolution
    title = f"{side}x{side} discriminator, {'convolutional' if kind == 'conv' else ATTENTIONS[kind].title}"
    build = _quickly(lambda: Discriminator(config, ATTENTIONS.get(kind, ATTENTIONS["lada"])))
    inputs = lambda batch: (torch.randn(batch, 3, side, side),)  # noqa: E731
    code = ("lada.configs", "lada.discriminator", *([] if kind == "conv" else [ATTENTIONS[kind].__module__]))
    return discriminator_id(kind, side), Network(title, side, PAPER, build, inputs, convention="fvcore", code=code)


def lada_networks() -> dict[str, Network]:
    """Generators and discriminators of Tables I, II and V in which LadaGAN appears."""
    base = PAPER_GENERATORS["32"]
    entries = [lada_generator(config, "lada") for config in PAPER_GENERATORS.values()]
    entries += [
        lada_generator(replace(base, lee_conv=conv), attention)
        for attention, mechanism in ATTENTIONS.items()
        if attention != "lada" and mechanism.twice_differentiable  # others cannot be trained with R1
        for conv in (False, True)
    ]
    entries.append(lada_generator(replace(base, modulation=False), "lada"))
    entries += [lada_discriminator(config, config.kind) for config in PAPER_DISCRIMINATORS.values()]
    entries.append(lada_discriminator(PAPER_DISCRIMINATORS["32"], "fastformer"))  # Table I, row 9
    return dict(entries)


def closed_forms(network: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, int]:
    """{module name: MACs by its class's formula} of every attention in `network` that is in the registry."""
    forms = {}
    for name, (_, num_tokens, dim) in input_shapes(network, inputs, tuple(ATTENTIONS.values())).items():
        module: Any = network.get_submodule(name)
        forms[name] = module.macs(num_tokens, dim, module.num_heads)
    return forms


def _quickly(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """`build` with normal instead of orthogonal weights, which are drawn faster. Costs do not depend on weights."""

    def quick() -> nn.Module:
        with quick_draws():
            return build()

    return quick


def networks() -> dict[str, Network]:
    """All networks that the cost stage measures."""
    return lada_networks() | GENERATORS
