"""What `make gpu` found on a device about the compiled engine: results/bench/<device>/gpu.json."""

import json
from pathlib import Path

import torch

from harness.errors import HarnessError
from harness.records.environment import device_slug

BENCHES = Path("results/bench")  # from the root of the repository, where every stage runs


def compiled_pays(device: torch.device, benches: Path = BENCHES) -> bool:
    """Whether the compiled step works on this GPU and is faster than the eager one. True where nobody has measured it.

    HarnessError if the file cannot be read.
    """
    if device.type != "cuda":
        return True
    path = benches / device_slug(torch.cuda.get_device_name(device)) / "gpu.json"
    if not path.is_file():
        return True
    try:
        check = json.loads(path.read_text(encoding="utf-8"))["checks"].get("compiled", {"status": "no time left"})
        if check["status"] != "ok":
            return check["status"] != "failed"  # without a GPU or without time, nothing was found
        rates = {name: check["found"]["engines"][name].get("images_per_s", 0.0) for name in ("eager", "compiled")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"{path} cannot be read ({error!r}); delete it, or run `make gpu` again") from error
    return rates["compiled"] > rates["eager"]
