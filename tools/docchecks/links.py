"""Links from page to page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docchecks.pages import Page

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def _prose(text: str) -> str:
    text = re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "``", text)


def _anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    text = re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        while slug in found:
            slug += "-1"
        found.add(slug)
    return found


def check_links(page: Page) -> Iterator[str]:
    """Relative links lead somewhere; absolute ones are not followed."""
    for target in _LINK.findall(_prose(page.text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists():
            yield f"link to {target}: there is no such file"
        elif anchor and path.suffix == ".md" and anchor not in _anchors(path.read_text()):
            yield f"link to {target}: there is no such heading"
