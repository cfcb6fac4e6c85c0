"""The commands of this package; those that start processes are added in ``cmd``."""

from __future__ import annotations

import typer

from wakeful.cli.lazy import Entry, make_whole_app

_OBJECTS, _IMAGES = "Objects", "Images"
ENTRIES = (
    Entry("get", "wakeful.cli.objects:get", _OBJECTS, "Show objects."),
    Entry(
        "describe",
        "wakeful.cli.objects:describe",
        _OBJECTS,
        "Show one object in full, with its events.",
    ),
    Entry("apply", "wakeful.cli.objects:apply", _OBJECTS, "Create or change objects from files."),
    Entry(
        "delete",
        "wakeful.cli.objects:delete",
        _OBJECTS,
        "Delete objects, by name or as listed in files.",
    ),
    Entry("wait", "wakeful.cli.waiting:wait", _OBJECTS, "Wait until objects are as wanted."),
    Entry(
        "logs",
        "wakeful.cli.logs:logs",
        _OBJECTS,
        "Show what instances print, or with --requests what was asked of them.",
    ),
    Entry(
        "explain",
        "wakeful.cli.explain:explain",
        _OBJECTS,
        "Tell why a service is at the scale it is at, and what decided it.",
    ),
    Entry("pipeline", "wakeful.cli.pipeline:app", _OBJECTS, "Pipelines and their runs."),
    Entry(
        "events",
        "wakeful.cli.events:app",
        _OBJECTS,
        "Events: watch them pass, send them, find and repair.",
    ),
    Entry(
        "build",
        "wakeful.cli.build:build_command",
        _IMAGES,
        "Make an image of a directory; needs no Docker.",
    ),
    Entry("image", "wakeful.cli.image:app", _IMAGES, "The images on this machine."),
    Entry(
        "deploy",
        "wakeful.cli.deploy:deploy",
        _IMAGES,
        "Build a directory and run it as a service; print its URL.",
    ),
)


def make_app() -> typer.Typer:
    """Return a fresh application with every command of this package."""
    return make_whole_app(ENTRIES)
