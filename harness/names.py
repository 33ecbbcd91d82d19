"""The one rule for names that come from outside: cells, datasets, profiles, attention mechanisms, networks.

Such a name becomes a file name, a DVC stage and a word on a command line, so it must mean nothing else to any of them.
"""

import re

from harness.errors import HarnessError

LONGEST = 100
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")  # ASCII only: no flag, no `$`


def experiment_name(profile: str) -> str:
    """The MLflow experiment that holds a profile's runs."""
    return f"ladagan-{profile}"


def check_name(kind: str, name: object) -> str:
    """`name` as it is, if it can be one; `kind` ("cell", "profile", ...) says in the HarnessError what it names.

    Params.yaml keys may be numbers or dates, so anything is taken and refused."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    shown = ascii(name) if len(ascii(name)) <= LONGEST else f"{ascii(name)[:LONGEST]}..."
    raise HarnessError(
        f"{kind} name: given {shown}; expected letters a-z, digits, - and _, a letter or digit first, "
        f"at most {LONGEST} characters (in quotes where YAML would read a number or a date); rename it"
    )
