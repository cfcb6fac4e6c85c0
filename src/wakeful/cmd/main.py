"""The ``wakeful`` command."""

from __future__ import annotations

import typer

from wakeful import __version__
from wakeful.cli import app as cli
from wakeful.cli.lazy import Entry, make_lazy_app, make_whole_app
from wakeful.cli.output import console

_PLATFORM = "Platform"
ENTRIES = (
    *cli.ENTRIES,
    Entry("up", "wakeful.cmd.platform:up", _PLATFORM, "Start the platform."),
    Entry(
        "down", "wakeful.cmd.platform:down", _PLATFORM, "Stop the platform and everything it runs."
    ),
    Entry(
        "status",
        "wakeful.cmd.platform:status",
        _PLATFORM,
        "Show components, addresses and health; exits with 1 when not everything is well.",
    ),
    Entry(
        "demo",
        "wakeful.cmd.platform:demo",
        _PLATFORM,
        "Show the hello world end to end: asleep at zero, awake in milliseconds, five at once.",
    ),
    Entry("version", "wakeful.cmd.main:version", _PLATFORM, "Show the version."),
)


def version() -> None:
    """Show the version."""
    console.print(f"wakeful {__version__}")


def complete_app() -> typer.Typer:
    """Return the whole command tree: what speaks to a platform, and what starts and stops one."""
    return make_whole_app(ENTRIES)


def main() -> None:
    """Run the command line."""
    make_lazy_app(ENTRIES)()


if __name__ == "__main__":
    main()
