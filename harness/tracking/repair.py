"""Finds a broken MLflow database and deletes it. Nothing is lost, because it is rebuilt from the records."""

import shutil
import sqlite3
import sys
from pathlib import Path
from urllib.parse import quote

from harness.errors import HarnessError
from harness.tracking.database import DATABASE, forget_database

NEEDED = 32 * 2**20  # free bytes on the disk; on a full disk, SQLite and MLflow would print many lines of errors
ARTEFACTS = Path("mlartifacts")


def check_place() -> None:
    """HarnessError if no database can be created: a directory has its name, or the disk is full."""
    if DATABASE.is_dir():
        raise HarnessError(f"{DATABASE} is a directory; expected MLflow's database or nothing; move it away, then run again")
    free = shutil.disk_usage(DATABASE.resolve().parent).free
    if free < NEEDED:
        raise HarnessError(f"{free / 2**20:.0f} MiB are free; MLflow's database needs {NEEDED / 2**20:.0f}; free some, run again")


def damage() -> str:
    """Says briefly what is wrong with the database file. Empty if it is sound, locked or missing."""
    if not DATABASE.is_file():
        return ""
    try:
        connection = sqlite3.connect(f"file:{quote(str(DATABASE.resolve()))}?mode=ro", uri=True)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == ("ok",) else " ".join(str(found).split())[:100]


def discard(reason: str) -> None:
    """Deletes the database and the pictures of its runs, and prints a warning. The records hold everything."""
    print(f"warning: {DATABASE} is broken ({' '.join(reason.split())[:150]}); rebuilding it from the records", file=sys.stderr)
    forget_database(reason)
    for path in DATABASE.resolve().parent.glob(f"{DATABASE.name}*"):
        if path.is_file() and not path.name.endswith(".lock"):
            path.unlink()
    for folder in ARTEFACTS.glob("ladagan-*"):
        shutil.rmtree(folder, ignore_errors=True)
