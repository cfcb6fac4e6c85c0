"""Pages, taken apart into their blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    language: str
    text: str
    line: int
    skipped: bool
    file: str


@dataclass(slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str
    blocks: list[Block] = field(default_factory=list)
    mode: str = ""
    """How it wants to be run: ``run``, ``run slow``, ``platform`` or not at all."""

    @property
    def name(self) -> str:
        """The path from the root of the repository."""
        return str(self.path.relative_to(ROOT))


_NOTE = re.compile(r"<!-- (check|file): (.+?) -->")


def read_page(path: Path) -> Page:
    """Take a page apart."""
    page = Page(path, path.read_text())
    lines: list[str] = []
    language, opened, indent, skipped, file = "", 0, 0, False, ""
    for number, line in enumerate(page.text.splitlines(), 1):
        stripped = line.lstrip()
        if stripped.startswith("```"):
            if opened:
                text = "".join(f"{inner[indent:]}\n" for inner in lines)
                page.blocks.append(Block(language, text, opened, skipped, file))
                opened, skipped, file = 0, False, ""
            else:
                lines, opened, indent = [], number, len(line) - len(stripped)
                language = stripped[3:].strip()
        elif opened:
            lines.append(line)
        elif note := _NOTE.fullmatch(stripped):
            if note[1] == "file":
                file = note[2]
            elif note[2] == "skip":
                skipped = True
            else:
                page.mode = note[2]
    return page


def read_pages() -> list[Page]:
    """Every page a user may read."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    paths += [*ROOT.glob("changelog.d/*.md"), *ROOT.glob("benchmarks/*.md")]
    return [read_page(path) for path in sorted(paths)]
