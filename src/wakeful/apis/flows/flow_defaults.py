"""Defaults of Sequences and Parallels."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import set_delivery_defaults, set_destination_defaults
from wakeful.apis.flows.parallel_types import Parallel
from wakeful.apis.flows.sequence_types import Sequence
from wakeful.apis.messaging.config import load_channel_defaults


def set_sequence_defaults(
    sequence: Sequence, old: Object | None, context: AdmissionContext
) -> None:
    """Choose the kind of channel, complete references."""
    if context.subresource == "status":
        return
    _set_template(sequence, old, context)
    spec, namespace = sequence.spec, sequence.metadata.namespace
    for step in spec.steps:
        set_destination_defaults(step, namespace)
        set_delivery_defaults(step.delivery, namespace)
    set_destination_defaults(spec.reply, namespace)


def set_parallel_defaults(
    parallel: Parallel, old: Object | None, context: AdmissionContext
) -> None:
    """Choose the kind of channel, complete references."""
    if context.subresource == "status":
        return
    _set_template(parallel, old, context)
    spec, namespace = parallel.spec, parallel.metadata.namespace
    for branch in spec.branches:
        for destination in (branch.filter, branch.subscriber, branch.reply):
            set_destination_defaults(destination, namespace)
        set_delivery_defaults(branch.delivery, namespace)
    set_destination_defaults(spec.reply, namespace)


def _set_template(flow: Sequence | Parallel, old: Object | None, context: AdmissionContext) -> None:
    if flow.spec.channel_template is not None:
        return
    if isinstance(old, Sequence | Parallel) and old.spec.channel_template is not None:
        flow.spec.channel_template = old.spec.channel_template
    else:
        defaults = load_channel_defaults(context.config)
        flow.spec.channel_template = defaults.template_for(flow.metadata.namespace)
