"""How Sequences and Parallels are served, in their own group and in that of 2019."""

from __future__ import annotations

from wakeful.apimachinery.scheme import ADDRESS, AGE, READINESS, Resource, ServedVersion
from wakeful.apis.flows import register
from wakeful.apis.flows.flow_conversion import flow_from_hub, parallel_to_hub, sequence_to_hub
from wakeful.apis.flows.flow_defaults import set_parallel_defaults, set_sequence_defaults
from wakeful.apis.flows.flow_validation import validate_parallel, validate_sequence
from wakeful.apis.flows.parallel_types import Parallel
from wakeful.apis.flows.sequence_types import Sequence

_CATEGORIES = ("all", "knative", "flows")
_LABELS = {"duck.knative.dev/addressable": "true"}
_COLUMNS = (
    ADDRESS,
    AGE,
    *READINESS,
)

RESOURCES = (
    Resource(
        Sequence,
        plural="sequences",
        singular="sequence",
        categories=_CATEGORIES,
        has_status=True,
        columns=_COLUMNS,
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha1", to_hub=sequence_to_hub, from_hub=flow_from_hub),
        ),
        set_defaults=set_sequence_defaults,
        validate=validate_sequence,
        webhook=register.WEBHOOK,
        labels=_LABELS,
    ),
    Resource(
        Parallel,
        plural="parallels",
        singular="parallel",
        categories=_CATEGORIES,
        has_status=True,
        columns=_COLUMNS,
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha1", to_hub=parallel_to_hub, from_hub=flow_from_hub),
        ),
        set_defaults=set_parallel_defaults,
        validate=validate_parallel,
        webhook=register.WEBHOOK,
        labels=_LABELS,
    ),
)
