"""The closure of a stage's imports, as grimp finds it."""

import grimp

from harness.closure import HARMLESS, REGISTRIES

MODULES = {  # of the stages that list their imports themselves, and of the two that do it for all cells
    "prepare@digits": "pipelines.prepare",
    "extractor": "pipelines.extractor",
    "anchors@digits": "pipelines.anchors",
    "train-code": "pipelines.train",
    "evaluate-code": "pipelines.evaluate",
    "cost": "pipelines.cost",
    "report": "harness.report.__main__",
    "metrics": "harness.records.summary",
    "mlflow": "harness.tracking.__main__",
}


def grimps_closure(graph: grimp.ImportGraph, module: str, stops: tuple[str, ...] = ()) -> set[str]:
    """What harness.closure finds, from grimp's reading of the same imports."""
    harmless = {name for name in HARMLESS if not module.startswith(name)}
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", count)[0] for count in range(1, name.count(".") + 1)}
        if name not in found | set(stops) and harmless.isdisjoint({name, *parents}):
            found.add(name)
            waiting += graph.find_modules_directly_imported_by(name) | (parents - {*REGISTRIES})
    return found
