"""The pictures of the page: links to files beside it, or, for a page in a single file, data inside it."""

import base64
import io
import os
from pathlib import Path

from PIL import Image

TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


class Linked:
    """Links to the committed pictures beside the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, path: Path) -> str:
        """The source of an image element, relative to the page. Empty if the file is missing or outside `results`."""
        inside = path.resolve().is_relative_to(self.folder.parent.resolve())
        return Path(os.path.relpath(path, self.folder)).as_posix() if inside and path.is_file() else ""


class Embedded(Linked):
    """Puts pictures into the page as data. PNG becomes lossless WebP, which is a third smaller."""

    def __call__(self, path: Path) -> str:
        """The source of an image element. Empty if the file is missing or outside `results`."""
        if not super().__call__(path):
            return ""
        kind, content = _webp(path) if path.suffix == ".png" else (TYPES[path.suffix], path.read_bytes())
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _webp(path: Path) -> tuple[str, bytes]:
    packed = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(packed, "WEBP", lossless=True, method=4)
    return "image/webp", packed.getvalue()
