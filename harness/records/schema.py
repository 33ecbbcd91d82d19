"""JSON Schemas (draft 2020-12) of the result records: the fields every record has, and those of each kind."""

TEXT = {"type": "string", "minLength": 1}
TEXT_OR_NULL = {"type": ["string", "null"], "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
SECONDS = {"type": "number", "minimum": 0}
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _object(fields: dict, optional: tuple[str, ...] = ()) -> dict:
    """An object with exactly these fields, all required but the optional ones."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _mapping(values: dict) -> dict:
    """An object with any keys and values of one schema."""
    return {"type": "object", "additionalProperties": values}


def _nullable(schema: dict) -> dict:
    return {"anyOf": [schema, {"type": "null"}]}


SCORES = _mapping(_mapping(NUMBER))  # {protocol: {metric label: value}}

COMMON = {
    "schema_version": {"const": 1},
    "kind": {"enum": ["score", "cost", "anchor"]},
    "cell": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"},
    "profile": TEXT,
    "config": {"type": "object"},
    "config_digest": SHA256,
    "git": _object({"commit": TEXT_OR_NULL, "dirty": {"type": ["boolean", "null"]}}),
    "versions": _mapping(TEXT),
    "device": TEXT,
    "wall_seconds": SECONDS,
    "command": TEXT,
    "status": {"enum": ["ok", "diverged", "failed"]},
    "digest": SHA256,  # over every other field: `write_record` sets it, `read_record` checks it
}

EXTRACTOR = _object({"name": TEXT, "label": TEXT, "sha256": SHA256})
COMPARABILITY = _object({"level": {"enum": ["paper", "protocol-mismatch", "none"]}, "reasons": {"type": "array", "items": TEXT}})
HISTORY = {"type": "array", "items": {"type": "object", "properties": {"nimg": COUNT}, "required": ["nimg"]}}

SCORE = {
    "rows": {"type": "array", "items": {"type": "string", "pattern": "^[1-5]:[0-9]+$"}},
    "seed": COUNT,
    "data": _object({"name": TEXT, "sha256": SHA256, "train_count": COUNT, "fraction": NUMBER}),
    "extractor": EXTRACTOR,
    "comparability": COMPARABILITY,
    "images_seen": COUNT,
    "diverged_step": {"type": ["integer", "null"], "minimum": 0},
    "curves": TEXT_OR_NULL,  # paths are relative to the repository root
    "samples": TEXT_OR_NULL,
    "maps": TEXT_OR_NULL,
    "interpolation": TEXT_OR_NULL,
    "artefacts": _mapping(SHA256),  # {path: sha256} of the files above and below; `new_record` fills it
    "engine": TEXT,  # how the training step was run (harness.training.engines)
    "progress": _object({"path": TEXT, "nimg": {"type": "array", "items": COUNT}}),  # the same latents at each of these steps
    "weights_sha256": _nullable(SHA256),
    "metrics": SCORES,  # of the LAST weights
    "generation_sd": SCORES,  # over generation seeds; empty where there was one
    "untrained": SCORES,
    "history": HISTORY,  # [{nimg, <protocol>: {label: value}}]
    "best": _nullable(_object({"nimg": COUNT, "metrics": SCORES})),
    "counts": _mapping(_object({"generated": COUNT, "reference": COUNT})),
    "networks": _object({"generator": TEXT, "discriminator": TEXT}, ("generator", "discriminator")),
}

TIMING = _object(  # images/s over n passes, and the peak memory of the network and its activations
    {"median": NUMBER, "low": NUMBER, "high": NUMBER, "n": COUNT, "peak_bytes": COUNT}, ("n", "peak_bytes")
)
MACS = {name: _nullable(NUMBER) for name in ("true", "fvcore", "torch_meta", "closed_form", "printed_convention")}

COST = {
    "network": TEXT,
    "title": TEXT,
    "resolution": _nullable(COUNT),
    "params": _nullable(COUNT),  # null: no public configuration to count
    "macs": _object(MACS),  # multiply-accumulates per network evaluation of one image
    "steps_per_image": COUNT,
    "throughput": _mapping(TIMING),  # {batch size: images/s}
    "peak_bytes": _nullable(COUNT),
    "known_differences": {"type": "array"},
    "source": TEXT,
    "note": TEXT,
    "energy": _nullable(_mapping(NUMBER)),
}
COST_OPTIONAL = ("source", "note", "energy")

ANCHOR = {
    "extractor": EXTRACTOR,
    "comparability": COMPARABILITY,
    "data": SCORE["data"],
    "anchors": {"type": "object"},  # what `harness.metrics.anchors.scale_anchors` returns
}
SCORE_DEFAULTS = {
    "rows": [],
    "diverged_step": None,
    "curves": None,
    "samples": None,
    "maps": None,
    "interpolation": None,
    "weights_sha256": None,
    "metrics": {},
    "generation_sd": {},
    "untrained": {},
    "history": [],
    "best": None,
    "counts": {},
    "networks": {},
}
COST_DEFAULTS = {"steps_per_image": 1, "throughput": {}, "peak_bytes": None, "known_differences": []}

SCHEMAS = {
    "score": _object(COMMON | SCORE, ("progress", "generation_sd", "engine")),
    "cost": _object(COMMON | COST, COST_OPTIONAL),
    "anchor": _object(COMMON | ANCHOR, ("data",)),
}
DEFAULTS = {"score": SCORE_DEFAULTS, "cost": COST_DEFAULTS, "anchor": {}}
