"""Writes the JSON schema of every kind of result file to results/schema/<kind>.json, for readers in other languages."""

import json
from pathlib import Path
from typing import Any

from harness.files import write_text
from harness.records.record import KINDS
from harness.records.store import RESULTS

SCHEMAS = RESULTS / "schema"  # beside the profiles; no pattern for records matches it


def schemas() -> dict[str, dict[str, Any]]:
    """{kind: JSON schema, draft 2020-12}."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {kind: head | model.model_json_schema() for kind, model in KINDS.items()}


def schema_texts() -> dict[str, str]:
    """{file name: text} of all schemas."""
    return {f"{kind}.json": json.dumps(schema, indent=1) + "\n" for kind, schema in schemas().items()}


def write_schemas(folder: Path = SCHEMAS) -> list[Path]:
    """Writes every schema. Returns the paths."""
    texts = {folder / name: text for name, text in schema_texts().items()}
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)
