"""`ladabench new attention NAME` and `ladabench new profile NAME --images DIR --resolution PIXELS`.

A mechanism that already works and can be changed: baselines/attention/<name>.py, its line in the registry, and a cell in a
profile's parameters. Its tests, costs, row in the tables and section of the page appear by themselves. Or a profile that
trains and scores LadaGAN on a folder of your own pictures, checked before it is written.
"""

import argparse
import re
from pathlib import Path

from harness.config import load_params
from harness.errors import HarnessError, run_command
from harness.files import write_text
from harness.names import check_name
from harness.progress import say

FOLDER = Path("baselines/attention")
TEMPLATE = '''"""{title}: describe it here. As written, each token gates the mean key."""

import torch
from torch import Tensor, nn

from lada.attention import Attention


class {class_name}(Attention):
    """Each token gates the mean of all keys, in O(N):

    g = (1 / N) sum_j k_j,  out_i = W_O (sigmoid(q_i) * g).
    """

    title = "{title}"
    source = "this repository"

    def __init__(self, dim: int, num_heads: int, grid: int, block_index: int = 0) -> None:
        super().__init__(dim, num_heads, grid, block_index)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` adds the weights (B, h, N) of the mean."""
        g = self.key(x).mean(dim=1, keepdim=True)  # (B, 1, dim)
        out = self.output(torch.sigmoid(self.query(x)) * g)
        maps = x.new_full((len(x), self.num_heads, x.shape[1]), 1 / x.shape[1])  # (B, h, N)
        return (out, maps) if return_maps else out

    def reference(self, x: Tensor) -> Tensor:
        """The same function by loops over images and tokens. Tests compare `forward` with it."""
        return torch.stack([self._reference_image(tokens) for tokens in x])

    def _reference_image(self, tokens: Tensor) -> Tensor:
        g = sum(self.key(token) for token in tokens) / len(tokens)
        return torch.stack([self.output(torch.sigmoid(self.query(token)) * g) for token in tokens])

    @staticmethod
    def macs(num_tokens: int, dim: int, num_heads: int) -> int:
        """Multiply-accumulates per image: three projections."""
        return 3 * num_tokens * dim**2

    @staticmethod
    def params(num_tokens: int, dim: int, num_heads: int) -> int:
        """Trainable parameters, biases included."""
        return 3 * dim**2 + 3 * dim
'''


def main(argv: list[str] | None = None) -> None:
    """Starts an attention mechanism, or a profile of one's own pictures."""
    args = _parser().parse_args(argv)
    if args.kind == "profile":
        from pipelines.commands.new_profile import new_profile  # torch takes seconds to import

        paths = new_profile(args.name, args.images, args.resolution, args.size, args.extractor)
        print(*paths, sep="\n")
        say(
            f"next: ladabench plan --profile {args.name}    # what it lacks, how long it takes",
            f"      ladabench repro --profile {args.name}   # trains, scores, writes results/{args.name}/report.html",
        )
        return
    params = Path("pipelines") / check_name("profile", args.profile) / "params.yaml"
    print(*new_attention(args.name, params), sep="\n")
    say(
        f"next: edit {FOLDER / module_name(args.name)}.py",
        "      .venv/bin/python -m pytest tests/baselines          # its equation against its reference, its counts",
        f"      ladabench repro --profile {args.profile} --cells own-{args.name}   # this cell alone, beside Lada's row",
    )


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="ladabench new", description=__doc__, formatter_class=raw)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="{attention,profile}")
    attention = kinds.add_parser("attention", help="a mechanism of your own", formatter_class=raw)
    attention.add_argument("name", help="lower case with dashes, for example mean-gate")
    attention.add_argument("--profile", default="digits", help="profile that gets a cell for it (default: %(default)s)")
    profile = kinds.add_parser("profile", help="a folder of your own pictures", formatter_class=raw)
    profile.add_argument("name", help="letters, digits, - and _, for example flowers")
    profile.add_argument("--images", required=True, type=Path, metavar="DIR", help="PNG, JPEG or WebP files, any sizes")
    profile.add_argument("--resolution", required=True, type=int, metavar="PIXELS", help="16, 32, 64, 128, 256 or 512 a side")
    sizes = "networks: a laptop's, or the paper's for a GPU (default: %(default)s)"
    profile.add_argument("--size", choices=("small", "paper"), default="small", help=sizes)
    features = "whose features are compared (default: %(default)s); digits-cnn needs no file, and suits digits only"
    profile.add_argument("--extractor", choices=("inception-v3", "digits-cnn"), default="inception-v3", help=features)
    return parser


def module_name(name: str) -> str:
    """Module name of a mechanism: `mean-gate` -> `mean_gate`."""
    return name.replace("-", "_")


def new_attention(name: str, params: Path) -> list[Path]:
    """Writes the file, the registry line and the cell. Returns the changed paths. After HarnessError nothing has changed."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise HarnessError(f"given name {name!r}; expected lower-case words joined by dashes, for example mean-gate")
    target, registry = FOLDER / f"{module_name(name)}.py", FOLDER / "__init__.py"
    if target.exists() or not registry.is_file():
        raise HarnessError(
            f"{target} exists already or {registry} is missing; choose another name and run in the repository root"
        )
    class_name = "".join(word.capitalize() for word in name.split("-")) + "Attention"
    registered = _registered(registry.read_text(encoding="utf-8"), name, class_name)
    cells = _with_cell(params, name)
    write_text(target, TEMPLATE.format(title=name.replace("-", " "), class_name=class_name))
    write_text(registry, registered)
    write_text(params, cells)
    return [target, registry, params]


def _registered(text: str, name: str, class_name: str) -> str:
    """The text of the registry, with the mechanism's import and line."""
    entry = f'    "{name}": {class_name},\n'
    line = f"from {'.'.join(FOLDER.parts)}.{module_name(name)} import {class_name}\n"
    close = text.rfind("\n}")
    imports = [match.start() for match in re.finditer(r"^from \S+ import ", text, re.MULTILINE)]
    if close < 0 or not imports or f'"{name}":' in text:
        raise HarnessError(f"{FOLDER}/__init__.py: no registry to extend, or {name!r} is in it; add {entry.strip()!r} by hand")
    text = text[: close + 1] + entry + text[close + 1 :]
    lines = text.splitlines(keepends=True)
    family = [index for index, found in enumerate(lines) if found.startswith(f"from {'.'.join(FOLDER.parts)}.")]
    index_of_line = next((index for index in family if lines[index] > line), family[-1] + 1)
    return "".join([*lines[:index_of_line], line, *lines[index_of_line:]])


def _with_cell(path: Path, name: str) -> str:
    """The text of the parameters, with a cell that trains the mechanism against the Lada discriminator and fills no row."""
    params, lines = load_params(path), path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    if not params.get("cells") or list(params)[-2:] != ["rows", "cells"] or not {"rows:", "cells:"} <= set(lines):
        raise HarnessError(f"{path}: expected `rows:` and `cells:` as its last two sections; add the cell own-{name} by hand")
    data = next(iter(params["cells"].values()))["data"]
    end = lines.index("cells:")
    while not lines[end - 1].startswith(" "):  # skips comments and blank lines, to the end of `rows`
        end -= 1
    cell = f"  own-{name}: {{data: {data}, attention: {name}, discriminator: lada}}"
    return "\n".join([*lines[:end], f"  own-{name}: []", *lines[end:], "", cell, ""])


if __name__ == "__main__":
    run_command(main)
