"""What is wrong with a Sequence or a Parallel.

As upstream, a faulty list item is reported as a whole; the details say what is wrong within it.
"""

from __future__ import annotations

import orjson

from wakeful.apimachinery.fields import FieldError, FieldErrors, missing_field, to_text, under
from wakeful.apimachinery.meta import APIModel, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import (
    Destination,
    EventingFeatures,
    load_features,
    validate_delivery,
    validate_destination,
)
from wakeful.apis.flows.parallel_types import Parallel, ParallelBranch
from wakeful.apis.flows.sequence_types import Sequence
from wakeful.apis.messaging.channel_template_types import validate_channel_template


def validate_sequence(
    sequence: Sequence, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    del old
    if context.subresource == "status":
        return []
    spec, features = sequence.spec, load_features(context.config)
    errors: FieldErrors = [] if spec.steps else [missing_field("steps")]
    for index, step in enumerate(spec.steps):
        faults = validate_destination(step, features)
        faults += under("delivery", validate_delivery(step.delivery, features))
        errors += _item(step, "steps", index, faults)
    errors += validate_channel_template(spec.channel_template)
    return under("spec", errors + _reply(spec.reply, features))


def validate_parallel(
    parallel: Parallel, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    del old
    if context.subresource == "status":
        return []
    spec, features = parallel.spec, load_features(context.config)
    errors: FieldErrors = [] if spec.branches else [missing_field("branches")]
    for index, branch in enumerate(spec.branches):
        errors += _validate_branch(branch, index, features)
    errors += validate_channel_template(spec.channel_template)
    return under("spec", errors + _reply(spec.reply, features))


def _validate_branch(branch: ParallelBranch, index: int, features: EventingFeatures) -> FieldErrors:
    errors: FieldErrors = []
    if branch.filter is not None:
        errors += _item(
            branch, "branches.filter", index, validate_destination(branch.filter, features)
        )
    faults = validate_destination(branch.subscriber, features)
    errors += _item(branch, "branches.subscriber", index, faults)
    if branch.reply is not None:
        faults = validate_destination(branch.reply, features)
        errors += _item(branch, "branches.reply", index, faults)
    faults = validate_delivery(branch.delivery, features)
    return errors + _item(branch, "branches.delivery", index, faults)


def _item(value: APIModel, path: str, index: int, faults: FieldErrors) -> FieldErrors:
    if not faults:
        return []
    shown = orjson.dumps(value.to_wire()).decode()
    return [FieldError(f"invalid value: {shown}", (f"{path}[{index}]",), to_text(faults))]


def _reply(reply: Destination | None, features: EventingFeatures) -> FieldErrors:
    return [] if reply is None else under("reply", validate_destination(reply, features))
