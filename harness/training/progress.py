"""Shows the progress of training: a bar on a terminal, a line every so often elsewhere."""

import sys
import time

from tqdm import tqdm

from harness.progress import is_quiet

LINE_SECONDS = 20


class Progress:
    """Images seen, images/s, losses and the time left."""

    def __init__(self, label: str, total: int, start: int, quiet: bool = False) -> None:
        quiet = quiet or is_quiet()
        self.bar = tqdm(
            total=total, initial=start, desc=label, unit="img", unit_scale=True, disable=quiet or not sys.stderr.isatty()
        )
        self.label, self.total, self.start, self.quiet = label, total, start, quiet
        self.began = self.last_line = time.monotonic()

    def advance(self, nimg: int) -> None:
        self.bar.update(nimg)

    def losses(self, row: dict) -> None:
        """Shows a new curve row. Without a terminal, it prints at most one line per LINE_SECONDS."""
        text = f"loss_d {row['loss_d']:.3f}, loss_g {row['loss_g']:.3f}"
        if not self.bar.disable:
            self.bar.set_postfix_str(text)
        elif not self.quiet and time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            rate = (row["nimg"] - self.start) / (self.last_line - self.began)
            left = (self.total - row["nimg"]) / rate
            print(
                f"{self.label}: {row['nimg']:,} of {self.total:,} images, {rate:,.0f} images/s, {text}, {left:,.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        self.bar.close()
