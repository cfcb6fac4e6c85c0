"""The command tree, without the commands that start processes (those are added in ``cmd``)."""

from __future__ import annotations

import typer

from wakeful.cli import deploy, events, explain, image, logs, objects, pipeline
from wakeful.cli.build import build_command


def make_app() -> typer.Typer:
    """Return a fresh application with every command of this package."""
    app = typer.Typer(
        name="wakeful",
        help="Serverless that sleeps lightly: Knative and Tekton on one machine.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.command(rich_help_panel="Objects")(objects.get)
    app.command(rich_help_panel="Objects")(objects.describe)
    app.command(rich_help_panel="Objects")(objects.apply)
    app.command(rich_help_panel="Objects")(objects.delete)
    app.command(rich_help_panel="Objects")(objects.wait)
    app.command(rich_help_panel="Objects")(logs.logs)
    app.command(rich_help_panel="Objects")(explain.explain)
    app.add_typer(pipeline.app, name="pipeline", rich_help_panel="Objects")
    app.add_typer(events.app, name="events", rich_help_panel="Objects")
    app.command("build", rich_help_panel="Images")(build_command)
    app.add_typer(image.app, name="image", rich_help_panel="Images")
    app.command(rich_help_panel="Images")(deploy.deploy)
    return app
