"""The rule for names from users: cells, datasets, profiles, attention mechanisms, networks.

A name becomes a file name, a DVC stage and a word on a command line, so it must have no special meaning in any of these.
"""

import re

from harness.errors import HarnessError

LONGEST = 100
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")  # ASCII only: no flag, no `$`


def experiment_name(profile: str) -> str:
    """The MLflow experiment that holds a profile's runs."""
    return f"ladagan-{profile}"


def check_name(kind: str, name: object) -> str:
    """Returns `name` if it is valid. Otherwise HarnessError says what it names: `kind` is "cell", "profile", ...

    `name` can have any type, because keys in params.yaml can be numbers or dates.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    shown = ascii(name) if len(ascii(name)) <= LONGEST else f"{ascii(name)[:LONGEST]}..."
    raise HarnessError(
        f"{kind} name: given {shown}; expected letters a-z, digits, - and _, a letter or digit first, "
        f"at most {LONGEST} characters (in quotes where YAML would read a number or a date); rename it"
    )
