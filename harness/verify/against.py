"""Whether the results here are those of a Git revision, bit for bit; and where not, whether within the spread over seeds."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.records.models import ScoreRecord
from harness.records.record import SCHEMA_VERSION
from harness.records.store import RESULTS, Store, load_store
from harness.verify.agreement import IDENTICAL, INSIDE, Agreement, agreements, other_seeds

PARTS = ("records", "costs", "curves", "samples", "maps", "interpolation", "progress")  # folders of what must repeat
FACTS = ("status", "images_seen", "diverged_step", "engine", "arithmetic", "versions", "weights_sha256", "config", "data")


@dataclass(frozen=True)
class Outcome:
    """What became of one profile: the sentence that says it, one line per difference, and whether all is within the spread."""

    sentence: str
    lines: Sequence[str]
    sound: bool


def against(profile: str, revision: str, stores: Sequence[Store], results: Path = RESULTS) -> Outcome:
    """Compares results/<profile> with those of `revision`. HarnessError where Git cannot give them."""
    folder = results / profile
    committed = _files(folder, revision)
    if not any(path.parent.name == "records" for path in committed):
        return Outcome(f"{profile}: no records in {revision}, nothing to compare", [], True)
    name = "the committed results" if revision == "HEAD" else f"the results of {revision}"
    store = load_store(profile, results)
    lines, sound, same, cells = [], True, 0, 0
    for path in sorted(path for path in committed if path.parent.name == "records"):
        old = _score(_content(path, revision), path)
        if old is None:
            continue
        cells += 1
        found = _cell_lines(old, store.scores.get(path.stem), folder, committed, revision, stores)
        same += not found
        sound &= all(inside for _, inside in found)
        lines += [f"{path.stem}: {'; '.join(line for line, _ in found)}"] if found else []
    others = [path for path in sorted(committed) if path.parent.name == "costs" or path.name.startswith("anchors-")]
    differing = [path for path in others if not _is_same(path, committed[path])]
    lines += [f"{path}: differs" if path.is_file() else f"{path}: not here" for path in differing]
    new = sorted(store.scores.keys() - {path.stem for path in committed})
    lines += [f"{cell}: new, {name} have no such cell" for cell in new]
    sentence = f"{profile}: {same} of {cells} cells repeat {name} bit for bit"
    rest = f", {len(others) - len(differing)} of {len(others)} counts and anchors too" if others else ""
    return Outcome(sentence + rest, lines, sound and not differing)


def _cell_lines(
    old: dict, record: ScoreRecord | None, folder: Path, committed: dict[Path, str], revision: str, stores: Sequence[Store]
) -> list[tuple[str, bool]]:
    """(difference, whether it is within the spread over seeds) of a cell; none where it repeats."""
    cell = old["cell"]
    if record is None:
        return [("not here", False)]
    if old.get("schema_version") != SCHEMA_VERSION:
        return [(f"recorded in schema {old.get('schema_version')}, which is not compared", False)]
    found = agreements(old["metrics"], record.metrics, [other.metrics for other in other_seeds(record, stores)])
    lines = [_scores_line(found)] if any(entry.kind != IDENTICAL for entry in found) else []
    new = record.model_dump()
    facts = [name for name in FACTS if old.get(name) != new[name]]
    rest = [name for name in new if name not in (*FACTS, "metrics", "digest", "config_digest", "artefacts", "history", "best")]
    facts += [name for name in rest if old.get(name) != new[name]]
    if facts:
        lines.append((f"{', '.join(facts)} differ", bool(lines) and not {"status", "config"} & set(facts)))
    paths = [path for path in committed if path.stem == cell and path.parent.name not in ("records", "costs")]
    files = [path.parent.name for path in sorted(paths) if not _is_same(path, committed[path])]
    if files or old.get("history") != new["history"]:
        history = ["history"] if old.get("history") != new["history"] else []
        lines.append((f"{', '.join([*history, *files])} differ", bool(lines)))
    return lines


def _scores_line(found: Sequence[Agreement]) -> tuple[str, bool]:
    """The scores that differ, the worst in full."""
    differing = [entry for entry in found if entry.kind != IDENTICAL]
    outside = [entry for entry in differing if entry.kind != INSIDE]
    worst = max(outside or differing, key=lambda entry: entry.share)
    inside = f"{len(differing) - len(outside)} of them inside their interval over seeds"
    return f"{len(differing)} of {len(found)} scores differ, {inside}; most {worst}", not outside


def _score(content: bytes, path: Path) -> dict | None:
    """A score record as it was committed, whatever its schema; None for a record of another kind."""
    try:
        value = json.loads(content)
        return value if value["kind"] == "score" else None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise HarnessError(f"{path} as committed is not a record ({error!r}); name another revision") from error


def _is_same(path: Path, blob: str) -> bool:
    return path.is_file() and _git("hash-object", "--", str(path)).strip() == blob


def _content(path: Path, revision: str) -> bytes:
    return _run("cat-file", "blob", f"{revision}:./{path.as_posix()}")


def _files(folder: Path, revision: str) -> dict[Path, str]:
    """{path: blob} of what must repeat, as committed; HarnessError for an unknown revision."""
    listing = _git("ls-tree", "-r", "-z", revision, "--", *(f"{(folder / part).as_posix()}/" for part in PARTS))
    found = {}
    for entry in filter(None, listing.split("\0")):
        head, _, name = entry.partition("\t")
        found[Path(name)] = head.split()[2]
    return found


def _git(*words: str) -> str:
    return _run(*words).decode("utf-8", "replace")


def _run(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except OSError as error:
        raise HarnessError(f"git cannot be run ({error.strerror}); --against compares with what Git holds; install it") from error
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise HarnessError(f"git {words[0]}: {said}; expected a revision of this repository that holds results; name another")
    return done.stdout
