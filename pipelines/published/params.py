"""The section `checkpoints` of params.yaml: published weights, the data to score them against, and the rows that they fill."""

from dataclasses import dataclass

from harness.errors import HarnessError, short


@dataclass(frozen=True)
class CheckpointParams:
    """One published checkpoint.

    `folder` holds it, or is where it is downloaded to from `url`, the address of that folder; null for files of your own.
    `data` is a key of params.yaml's `data`; `rows` are printed rows such as "2:3". `images_row` is the row of Table V that prints
    how many images the paper's run saw, null where nothing is printed: a checkpoint at another number is another checkpoint.
    """

    folder: str
    data: str
    rows: tuple[str, ...]
    url: str | None = None
    images_row: str | None = None

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise HarnessError(f"url: given {short(self.url)}; expected an address that starts with https://, or null")
        if not self.folder:
            raise HarnessError("folder: given nothing; expected the folder of the checkpoint")
