"""Reads YAML 1.2 as plain values: text, numbers, true, false, null, lists, and mappings whose keys are text."""

from pathlib import Path
from typing import Any

from harness.errors import HarnessError, shown

MAX_BYTES = 500_000  # size of a file; reading takes about 10 s per megabyte
MAX_VALUES = 50_000  # with every alias expanded; nine short lines can stand for a billion values
MAX_DEPTH = 20  # nesting of lists and mappings


def read_yaml(path: Path) -> Any:
    """The value of a YAML file. HarnessError if the file is missing, too long, not text, or not plain YAML."""
    if not path.is_file():
        raise HarnessError(f"no parameters file at {path}; expected a YAML file; correct the path")
    if path.stat().st_size > MAX_BYTES:
        raise HarnessError(f"{path} is {path.stat().st_size:,} bytes long; expected at most {MAX_BYTES:,}; shorten it")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path} is not valid YAML: {error}; correct the file") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML document. HarnessError calls it `where`. As in YAML 1.2, 5e-4 is a number and `no` is text."""
    try:
        from ruamel.yaml import YAML  # here, because many processes check a mapping without reading a file
        from ruamel.yaml.error import YAMLError

        yaml = YAML(typ="safe", pure=True)
        node = yaml.compose(text)
        if node is None:
            return None
        _check_size(node, where)
        value = yaml.constructor.construct_document(node)
    except (YAMLError, ValueError, LookupError, TypeError) as error:  # ruamel's constructors can raise Python's own errors
        reason = " ".join(str(error).split())[:300]
        raise HarnessError(f"{where} is not valid YAML: {reason}; correct the file") from error
    except RecursionError as error:
        raise HarnessError(
            f"{where} nests lists or mappings more than {MAX_DEPTH} deep, or in themselves; correct the file"
        ) from error
    return plain(value, where)


def _check_size(root: Any, where: str) -> None:
    """HarnessError if the document is too deep, or too large with its aliases and merges expanded."""
    entered: set[int] = set()
    known: dict[int, tuple[float, int]] = {}

    def measure(node: Any) -> tuple[float, int]:
        """Number of values and depth below a node. Each node is visited once."""
        if isinstance(node.value, str):
            return 1, 0
        if id(node) not in known:
            if id(node) in entered or len(entered) > MAX_DEPTH:
                raise RecursionError
            entered.add(id(node))
            children = [child for entry in node.value for child in (entry if isinstance(entry, tuple) else (entry,))]
            found = [measure(child) for child in children]
            entered.remove(id(node))
            known[id(node)] = 1.0 + sum(values for values, _ in found), 1 + max((depth for _, depth in found), default=0)
        return known[id(node)]

    values, depth = measure(root)
    if depth > MAX_DEPTH:
        raise RecursionError
    if values > MAX_VALUES:
        raise HarnessError(f"{where} holds {values:.2g} values, aliases included; expected at most {MAX_VALUES:,}; shorten it")


def plain(value: Any, where: str) -> Any:
    """A deep copy of `value` without shared parts. HarnessError for a date, a huge number or a key that is not text."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value):
        return value
    if isinstance(value, list | tuple):
        return [plain(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise HarnessError(f"{where}: given the key {shown(key)}; expected text; write it in quotes")
        return {key: plain(entry, f"{where}.{key}".removeprefix(".")) for key, entry in value.items()}
    hint = "; write it in quotes" if hasattr(value, "isoformat") else ""
    raise HarnessError(
        f"{where}: given {shown(value)}; expected text, a number up to 2**63, a list or `key: value` entries{hint}"
    )
