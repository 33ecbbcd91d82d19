import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.records.record import KINDS, read_record
from harness.records.schemas import schema_texts, schemas

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_the_committed_schemas_are_those_of_the_models():
    found = {path.name: path.read_text(encoding="utf-8") for path in (RESULTS / "schema").iterdir()}
    assert found == schema_texts(), "run python -m harness.records"


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_schemas(kind):
    Draft202012Validator.check_schema(schemas()[kind])


@pytest.mark.parametrize(
    "path", ["digits/records/table1-16.json", "digits/costs/d32-conv.json", "digits/records/anchors-digits.json"]
)
def test_a_committed_record_fits_its_schema_and_an_altered_one_does_not(path):
    record = read_record(RESULTS / path)
    value = json.loads((RESULTS / path).read_text(encoding="utf-8"))
    validator = Draft202012Validator(schemas()[record.kind])
    assert not list(validator.iter_errors(value))
    assert list(validator.iter_errors(value | {"another": 1}))
    assert list(validator.iter_errors({name: entry for name, entry in value.items() if name != "cell"}))
