#!/usr/bin/env python3
"""Check the documentation against the product.

    tools/check_docs.py             links, commands, YAML, kinds, the generated page, marked pages
    tools/check_docs.py --static    the same without running anything
    tools/check_docs.py --slow      marked pages that take minutes, too
    tools/check_docs.py --write     write the generated page anew

Pages are run when they say so in a comment of their own line:

    <!-- check: run -->             run the page's console blocks in order, in one shell
    <!-- check: run slow -->        the same, with --slow only
    <!-- check: platform -->        the same, with a platform that is up already
    <!-- check: skip -->            leave the next block out
    <!-- file: NAME -->             the next block is the content of this file

In a console block, lines that begin with ``$ `` are typed and the others are expected. Numbers,
ages and digests may differ; ``…`` stands for anything; output that is not shown is not minded.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import typer.main
from docchecks.blocks import check_blocks, served
from docchecks.commandline import COMMAND_LINE, render_command_line
from docchecks.commands import check_commands
from docchecks.completeness import check_complete
from docchecks.links import check_links
from docchecks.pages import ROOT, Page, read_pages
from docchecks.running import run_pages

from wakeful.cmd.main import complete_app


def check_static(pages: Sequence[Page], root: Any) -> Iterator[str]:
    """Everything that needs no platform."""
    kinds = {(version, kind) for version, kind, _ in served()}
    for page in pages:
        for check in (check_links(page), check_commands(page, root), check_blocks(page, kinds)):
            for problem in check:
                yield f"{page.name}: {problem}"
    yield from check_complete()
    if COMMAND_LINE.read_text() != render_command_line(root):
        yield f"{COMMAND_LINE.relative_to(ROOT)} is out of date: tools/check_docs.py --write"


def main() -> int:
    """Check, and say what is wrong."""
    parser = argparse.ArgumentParser(description="Check the documentation against the product.")
    parser.add_argument("--static", action="store_true", help="run nothing")
    parser.add_argument("--slow", action="store_true", help="run pages that take minutes, too")
    parser.add_argument("--write", action="store_true", help="write the generated page anew")
    parser.add_argument("pages", nargs="*", help="run these only")
    options = parser.parse_args()
    root = typer.main.get_command(complete_app())
    if options.write:
        COMMAND_LINE.write_text(render_command_line(root))
    pages = read_pages()
    problems = list(check_static(pages, root))
    wanted = [page for page in pages if page.mode and _is_wanted(page, options)]
    if not options.static:
        begun = time.monotonic()
        for page, problem in run_pages(wanted):
            problems += [f"{page.name}: {problem}"] if problem else []
            seconds, begun = time.monotonic() - begun, time.monotonic()
            print(f"{'failed' if problem else 'ran'} {page.name} in {seconds:.0f} s", flush=True)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


def _is_wanted(page: Page, options: argparse.Namespace) -> bool:
    if options.pages:
        return any(page.name.endswith(name) for name in options.pages)
    return options.slow or "slow" not in page.mode


if __name__ == "__main__":
    sys.exit(main())
