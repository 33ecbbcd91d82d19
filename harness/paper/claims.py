"""The paper's claims in prose, as data. `claims.yaml` explains each kind of comparison."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError
from harness.yaml_reading import read_yaml

FOLDER = Path(__file__).parent


class Contrast(BaseModel):
    """States that the weighted sum of rows' means over seeds is greater than a bound."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: dict[str, float]  # {row: weight}
    above: float = 1.0  # the bound: a ratio if logarithms are compared (1 for no difference), else a difference


class Claim(BaseModel):
    """One statement of the paper, and the comparison that tests it. `kind` decides which fields are used (see claims.yaml).

    `section` is the paper's; `statement` is our wording. `quantity` is a metric's name or a column of the curves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    section: str
    statement: str
    kind: Literal["ratio", "least", "spread", "dearer", "linear", "contrasts", "diverges", "spikes", "hours"]
    network: str = ""
    networks: list[str] = []
    of: dict[str, float] = {}
    quantities: list[Literal["params", "flops"]] = ["flops"]
    resolutions: list[int] = [0]
    margin: float = 0.0
    factor: float = 1.0
    mechanism: str = ""
    quantity: str = "fid"
    scale: Literal["log", "raw"] = "log"
    contrasts: list[Contrast] = []
    rows: list[str] = []
    without: list[str] = []
    device: str = ""
    images: int = 0
    hours: float = 0.0
    note: str = ""


@cache
def _read(path: Path) -> tuple[Claim, ...]:
    given = read_yaml(path)
    try:
        return tuple(Claim.model_validate({"id": name, **fields}) for name, fields in given["claims"].items())
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"{path}: is not a ledger of claims: {error}") from error


def claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the ledger."""
    return _read(FOLDER / "claims.yaml")
