"""`python -m harness.verify [--profile NAME] [--rerun CELL [--seeds 1 2 3]]`: checks that the tables follow from the records."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import sys

from harness.errors import HarnessError, run_command
from harness.records.store import chosen_profiles, load_store
from harness.verify.against import against
from harness.verify.checks import check_profile
from harness.verify.rerun import rerun


def main() -> None:
    """Recomputes every table and checks every record, digest and artefact. Or repeats one cell. Or compares with a Git revision.

    Exit status 1: a repetition or comparison differs by more than the spread over seeds. 2: a problem was found.
    """
    parser = argparse.ArgumentParser(prog="ladabench verify", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    parser.add_argument("--rerun", metavar="CELL", help="train and evaluate this cell again and compare")
    parser.add_argument("--seeds", type=int, nargs="+", default=[], help="seeds of the repetitions (default: the recorded one)")
    help_against = "compare records, curves and pictures with those of a Git revision (default: HEAD)"
    parser.add_argument("--against", metavar="REV", nargs="?", const="HEAD", help=help_against)
    args = parser.parse_args()
    profiles = chosen_profiles(args.profile)
    if args.rerun and args.against:
        raise HarnessError("given --rerun and --against; expected one of them; run two commands")
    if args.rerun:
        sys.exit(_rerun(profiles, args.rerun, args.seeds))
    if args.against:
        sys.exit(_against(profiles, args.against))
    problems = [problem for profile in profiles for problem in _verify(profile)]
    if problems:
        raise HarnessError(f"{len(problems)} problems found, listed above")


def _rerun(profiles: list[str], cell: str, seeds: list[int]) -> int:
    if len(profiles) > 1:
        raise HarnessError(f"--rerun needs --profile; profiles with records are {', '.join(profiles)}")
    lines, agree = rerun(load_store(profiles[0]), cell, seeds)
    print(*lines, sep="\n")
    print(f"{cell}: {'repeated: bit-identical, or inside the interval over seeds' if agree else 'NOT repeated, see above'}")
    return 0 if agree else 1


def _against(profiles: list[str], revision: str) -> int:
    stores = [load_store(profile) for profile in chosen_profiles(None)]
    outcomes = [against(profile, revision, stores) for profile in profiles]
    for outcome in outcomes:
        print(*outcome.lines, outcome.sentence, sep="\n")
    return 0 if all(outcome.sound for outcome in outcomes) else 1


def _verify(profile: str) -> list[str]:
    problems, counts = check_profile(profile)
    for problem in problems:
        print(problem, file=sys.stderr)
    checked = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{profile}: {'FAILED' if problems else 'verified'}: {checked}")
    return problems


if __name__ == "__main__":
    run_command(main)
