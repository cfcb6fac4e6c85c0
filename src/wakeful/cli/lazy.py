"""A command tree whose commands are imported when they are asked for.

``wakeful --help`` and every command would otherwise wait for what all the others need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from wakeful import __version__

_HELP = "Serverless that sleeps lightly: Knative and Tekton on one machine."


@dataclass(frozen=True, slots=True)
class Entry:
    """A command or a group of commands, and where it is."""

    name: str
    where: str
    """``module:attribute`` of a function, or of a Typer."""
    panel: str
    help: str
    """The first line of its help, as the list of commands shows it."""

    def load(self) -> Any:
        """Import it; returns a command as Typer makes them (its types are not public)."""
        module, _, attribute = self.where.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = self.name
            return group
        alone = typer.Typer(
            add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
        )
        alone.command(self.name, rich_help_panel=self.panel)(found)
        return typer.main.get_command(alone)

    def shown(self) -> typer.core.TyperCommand:
        """What a list of commands needs to know of it, without importing it."""
        return typer.core.TyperCommand(
            self.name, help=self.help, rich_help_panel=self.panel, rich_markup_mode="rich"
        )


def make_lazy_app(entries: Sequence[Entry]) -> typer.Typer:
    """Return an application that knows its commands by ``entries``."""
    known = {entry.name: entry for entry in entries}

    class LazyGroup(typer.core.TyperGroup):
        """Lists by the entries and imports what is carried out."""

        def list_commands(self, ctx: Any) -> list[str]:
            """In the order of the entries."""
            del ctx
            return list(known)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """For lists; what runs is found by :meth:`resolve_command`."""
            del ctx
            entry = known.get(cmd_name)
            return entry.shown() if entry is not None else None

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Import the command that the arguments name."""
            entry = known.get(args[0])
            if entry is None:
                return super().resolve_command(ctx, args)
            return entry.name, entry.load(), args[1:]

    app = _make_app(LazyGroup)
    app.callback()(_root)
    return app


def make_whole_app(entries: Sequence[Entry]) -> typer.Typer:
    """Return the same application with everything imported, for those who look through it."""
    app = _make_app(typer.core.TyperGroup)
    for entry in entries:
        module, _, attribute = entry.where.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=entry.name, rich_help_panel=entry.panel)
        else:
            app.command(entry.name, rich_help_panel=entry.panel)(found)
    return app


def _make_app(group: type[typer.core.TyperGroup]) -> typer.Typer:
    return typer.Typer(
        name="wakeful",
        cls=group,
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wakeful {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Nothing to do before the command itself."""
