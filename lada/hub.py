"""The generator as a model of the Hugging Face hub: `Generator.from_pretrained(FOLDER)`, or the name of a repository.

A model is config.json (the entries of GeneratorConfig and `attention`) and model.safetensors. No other module of lada needs
huggingface_hub.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from huggingface_hub import PyTorchModelHubMixin

from lada import generator
from lada.attention import AdditiveAttention, Attention
from lada.configs import GeneratorConfig
from lada.fused import FusedAdditiveAttention
from lada.layers import quick_draws

ATTENTIONS: dict[str, type[Attention]] = {"lada": AdditiveAttention, "lada-fused": FusedAdditiveAttention}


class Generator(
    generator.Generator,
    PyTorchModelHubMixin,
    library_name="ladagan-harness",
    license="mit",
    pipeline_tag="unconditional-image-generation",
    paper_url="https://arxiv.org/abs/2401.09596",
    tags=["arxiv:2401.09596", "gan"],
):
    """`lada.generator.Generator` with `from_pretrained`, `save_pretrained` and `push_to_hub`.

    fields: those of GeneratorConfig. attention: the name in config.json; of one that is not the paper's, give its class too, as
    `mechanism`: `from_pretrained(..., mechanism=ATTENTIONS["swin"])`, from baselines.attention. Raises ValueError for a name
    without its class and for a configuration that cannot work, TypeError for an unknown field.
    """

    def __init__(self, *, attention: str = "lada", **fields: Any) -> None:
        mechanism = fields.pop("mechanism", None) or ATTENTIONS.get(attention)
        if mechanism is None:
            raise ValueError(
                f"given attention {attention!r}; expected one of {', '.join(ATTENTIONS)}, or its class as `mechanism`"
            )
        self._attention = attention
        super().__init__(GeneratorConfig(**fields), mechanism)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes config.json with every field, the mixin the weights."""
        described = {"attention": self._attention, **asdict(self.config)}
        (save_directory / "config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        super()._save_pretrained(save_directory)

    @classmethod
    def _from_pretrained(cls, **options: Any) -> "Generator":
        """Loads as the mixin does, but refuses weights of another network (RuntimeError), which it would fill up with noise."""
        with quick_draws():
            return super()._from_pretrained(**options | {"strict": True})
