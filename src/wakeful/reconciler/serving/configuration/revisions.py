"""Which of a Configuration's Revisions is the newest, and the newest that is ready."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.serving import Configuration, Revision


def is_name_taken(configuration: Configuration, revision: Revision) -> bool:
    """Whether the name the template asks for belongs to a different Revision.

    A rollback may name a Revision of an older template again, so an equal spec is enough.
    """
    if not is_controlled_by(revision, configuration):
        return True
    if revision.config_generation == configuration.metadata.generation:
        return False
    return revision.spec != configuration.spec.template.spec


def find_latest_created(
    configuration: Configuration, revisions: Iterable[Revision]
) -> Revision | None:
    """The Revision of the present generation, when the template names none."""
    generation = configuration.metadata.generation
    return next((r for r in revisions if r.config_generation == generation), None)


def find_latest_ready(
    configuration: Configuration, created: Revision, revisions: Iterable[Revision]
) -> Revision | None:
    """The ready Revision to send traffic to.

    The newest one, but none older than what is served already; the one the template names comes
    before all others, so that a rollback by name takes effect.
    """
    named = configuration.spec.template.metadata.name
    candidates = list(revisions)
    serving = next(
        (
            r
            for r in candidates
            if r.metadata.name == configuration.status.latest_ready_revision_name
        ),
        None,
    )
    least = serving.config_generation if serving is not None else None
    ready = [
        r
        for r in candidates
        if r.is_ready
        and (
            least is None
            or (r.config_generation or 0) >= least
            or (named and r.metadata.name == created.metadata.name)
        )
    ]
    ready.sort(key=lambda r: (r.metadata.name == named, r.config_generation or 0), reverse=True)
    return ready[0] if ready else None
