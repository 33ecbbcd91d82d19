"""Compares the results here with those of a Git revision: bit for bit, and if they differ, with the spread over seeds."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.records.models import ScoreRecord
from harness.records.record import parse_record
from harness.records.store import RESULTS, Store, load_store
from harness.verify.agreement import IDENTICAL, INSIDE, Agreement, agreements, other_seeds

PICTURES = ("curves", "samples", "maps", "interpolation", "progress", "neighbours")
PARTS = ("records", "costs", *PICTURES)  # folders of what must repeat
FOLLOWS = ("metrics", "digest", "config_digest", "artefacts", *PICTURES)


@dataclass(frozen=True)
class Outcome:
    """The result of comparing one profile."""

    sentence: str  # a summary
    lines: Sequence[str]  # one per difference
    sound: bool  # whether all differences are within the spread over seeds


def against(profile: str, revision: str, stores: Sequence[Store], results: Path = RESULTS) -> Outcome:
    """Compares results/<profile> with those of `revision`. HarnessError if Git cannot read them."""
    folder = results / profile
    committed = _files(folder, revision)
    if not any(path.parent.name == "records" for path in committed):
        return Outcome(f"{profile}: no records in {revision}, nothing to compare", [], True)
    name = "the committed results" if revision == "HEAD" else f"the results of {revision}"
    store = load_store(profile, results)
    lines, sound, same, cells = [], True, 0, 0
    for path in sorted(path for path in committed if path.parent.name == "records"):
        if path.name.startswith("anchors-"):
            continue
        cells += 1
        found = _cell_lines(path, store.scores.get(path.stem), committed, revision, stores)
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
    path: Path, record: ScoreRecord | None, committed: dict[Path, str], revision: str, stores: Sequence[Store]
) -> list[tuple[str, bool]]:
    """(difference, whether it is within the spread over seeds) for a cell. Empty if the cell repeats."""
    if record is None:
        return [("not here", False)]
    try:
        old = parse_record(_run("cat-file", "blob", f"{revision}:./{path.as_posix()}"), "as committed")
    except HarnessError as error:
        return [(f"cannot be compared, {error}", False)]
    if not isinstance(old, ScoreRecord):
        return [(f"as committed a {old.kind} record", False)]
    found = agreements(old.metrics, record.metrics, [other.metrics for other in other_seeds(record, stores)])
    lines = [_scores_line(found)] if any(entry.kind != IDENTICAL for entry in found) else []
    facts = [name for name in ScoreRecord.model_fields if name not in FOLLOWS and getattr(old, name) != getattr(record, name)]
    pictures = [path for path in committed if path.stem == record.cell and path.parent.name not in ("records", "costs")]
    files = [path.parent.name for path in sorted(pictures) if not _is_same(path, committed[path])]
    if facts or files:
        lines.append((f"{', '.join([*facts, *files])} differ", bool(lines) and not {"status", "config"} & set(facts)))
    return lines


def _scores_line(found: Sequence[Agreement]) -> tuple[str, bool]:
    """Summarises the scores that differ, and shows the worst of them."""
    differing = [entry for entry in found if entry.kind != IDENTICAL]
    outside = [entry for entry in differing if entry.kind != INSIDE]
    worst = max(outside or differing, key=lambda entry: entry.share)
    inside = f"{len(differing) - len(outside)} of them inside their interval over seeds"
    return f"{len(differing)} of {len(found)} scores differ, {inside}; most {worst}", not outside


def _is_same(path: Path, blob: str) -> bool:
    return path.is_file() and _git("hash-object", "--", str(path)).strip() == blob


def _files(folder: Path, revision: str) -> dict[Path, str]:
    """{path: Git blob} of the committed results that must repeat. HarnessError for an unknown revision."""
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
