"""Who uses which image: a file for each holder, which outlives the process that wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote


class Pins:
    """Digests by their holders, in one directory; any number of processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory

    def put(self, holder: str, digest: str) -> None:
        """Note that ``holder`` uses the image; it uses one at a time."""
        path = self._directory / quote(holder, safe="")
        with suppress(FileNotFoundError):
            if path.read_text() == digest:
                return
        growing = path.with_name(f".{path.name}")
        growing.write_text(digest)
        growing.replace(path)

    def remove(self, holder: str) -> None:
        """Forget ``holder``; nothing happens when it is unknown."""
        (self._directory / quote(holder, safe="")).unlink(missing_ok=True)

    def all(self) -> dict[str, str]:
        """Return holder → digest."""
        return dict(self._read())

    def _read(self) -> Iterator[tuple[str, str]]:
        for path in self._directory.iterdir():
            if not path.name.startswith("."):
                try:
                    yield unquote(path.name), path.read_text()
                except FileNotFoundError:
                    continue
