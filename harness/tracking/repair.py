"""What is wrong with a store, in one line. A broken database here is set aside, never deleted: runs of yours may be in it."""

import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from harness.errors import HarnessError
from harness.tracking.database import DATABASE, forget_database

NEEDED = 32 * 2**20  # bytes on the disk before a projection begins: SQLite and MLflow fail in many lines on a full one
TABLES = {"experiments", "runs", "metrics", "params", "tags"}  # that every database of MLflow has


def check_place() -> None:
    """HarnessError if the database cannot be made because a directory is in its place or the disk is full."""
    if DATABASE.is_dir():
        raise HarnessError(f"{DATABASE} is a directory; expected MLflow's database or nothing; move it away, then run again")
    free = shutil.disk_usage(DATABASE.resolve().parent).free
    if free < NEEDED:
        raise HarnessError(f"{free / 2**20:.0f} MiB are free; MLflow's database needs {NEEDED / 2**20:.0f}; free some, run again")


def damage() -> str:
    """A short description of the damage to the database file. Empty if it is intact, locked or missing."""
    if not DATABASE.is_file():
        return ""
    try:
        connection = sqlite3.connect(f"file:{quote(str(DATABASE.resolve()))}?mode=ro", uri=True)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    if found != ("ok",):
        return " ".join(str(found).split())[:100]
    missing = TABLES - tables if "alembic_version" in tables else set()  # MLflow makes all of them at once
    return f"no table {min(missing)}" if missing else ""


def repair() -> None:
    """Moves a broken database aside, and says so in one line; the projection makes a new one from the records."""
    reason = damage()
    if not reason:
        return
    target = next(path for path in _names_aside() if not path.exists())
    forget_database(reason)
    for suffix in ("", "-journal", "-wal", "-shm"):
        path = Path(f"{DATABASE}{suffix}")
        if path.is_file():
            path.rename(f"{target}{suffix}")
    said = " ".join(reason.split())[:150]
    print(f"warning: {DATABASE} is broken ({said}); it is now {target}, a new one is made from the records", file=sys.stderr)


def _names_aside() -> Iterator[Path]:
    number = 1
    while True:
        yield DATABASE.with_name(f"{DATABASE.name}.broken-{number}")
        number += 1


@contextmanager
def plain_errors(uri: str | None) -> Iterator[None]:
    """Turns what MLflow and its database raise into one line. Only entered where both are needed anyway: they import slowly."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        said = without_secrets(" ".join(str(error).split()))[:300]
        place = without_secrets(uri) if uri else str(DATABASE)
        raise HarnessError(
            f"MLflow's store {place} cannot be used ({said}); the records are untouched; correct that, run again"
        ) from error


def without_secrets(text: str) -> str:
    """Addresses without the user names and passwords in them."""
    return re.sub(r"://[^/@\s]*@", "://", text)
