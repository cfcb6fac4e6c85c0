"""What is wrong with a Revision, or with a template of one."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    out_of_bounds,
    under,
)
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apimachinery.shortdiff import short_diff
from wakeful.apis.autoscaling import validate_annotations
from wakeful.apis.serving import register
from wakeful.apis.serving.admission import AdmissionConfig, load_config, warn
from wakeful.apis.serving.config import DefaultsConfig
from wakeful.apis.serving.metadata_validation import (
    validate_networking_annotations,
    validate_object_metadata,
    validate_owner_label,
    validate_progress_deadline,
    validate_queue_annotations,
    validate_revision_name,
)
from wakeful.apis.serving.pod_validation import pod_warnings, validate_pod_spec
from wakeful.apis.serving.revision_types import Revision, RevisionSpec, RevisionTemplateSpec


def validate_revision(
    revision: Revision, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Faults of a Revision: its spec when it is new, any change of it later."""
    if context.subresource == "status":
        return []
    config = load_config(context.config)
    errors = validate_object_metadata(revision.metadata, autoscaling=config.autoscaler)
    errors += validate_owner_label(revision.metadata, register.CONFIGURATION, "Configuration")
    errors = under("metadata", errors)
    if not isinstance(old, Revision):
        return errors + under("spec", validate_spec(revision.spec, config))
    if diff := short_diff(old.spec.to_wire(), revision.spec.to_wire()):
        errors.append(FieldError("Immutable fields changed (-old +new)", ("spec",), diff))
    return errors


def validate_template(
    template: RevisionTemplateSpec, parent: ObjectMeta, context: AdmissionContext
) -> FieldErrors:
    """Faults of a template within ``parent``; paths start below the template."""
    config = load_config(context.config)
    annotations = template.metadata.annotations
    queue_errors, queue_warnings = validate_queue_annotations(annotations)
    about_annotations = [
        *validate_annotations(annotations, config.autoscaler),
        *validate_networking_annotations(annotations),
        *queue_errors,
        *validate_progress_deadline(annotations),
    ]
    warnings = under("metadata.annotations", queue_warnings)
    warnings += under("spec", pod_warnings(template.spec, config.features))
    warn(context, under("spec.template", warnings))
    return [
        *under("spec", validate_spec(template.spec, config)),
        *under("metadata.annotations", about_annotations),
        *validate_revision_name(template.metadata, parent),
    ]


def validate_spec(spec: RevisionSpec, config: AdmissionConfig) -> FieldErrors:
    """Faults of a spec; paths start below it."""
    return [*validate_pod_spec(spec, config.features), *_validate_numbers(spec, config.defaults)]


def _validate_numbers(spec: RevisionSpec, defaults: DefaultsConfig) -> FieldErrors:
    errors: FieldErrors = []
    timeout, most = spec.timeout_seconds, defaults.max_revision_timeout_seconds
    if timeout is not None and not 0 <= timeout <= most:
        errors.append(out_of_bounds(timeout, 0, most, "timeoutSeconds"))
    limit, most = spec.container_concurrency, defaults.container_concurrency_max_limit
    least = 0 if defaults.allow_container_concurrency_zero else 1
    if limit is not None and not least <= limit <= most:
        errors.append(out_of_bounds(limit, least, most, "containerConcurrency"))
    return errors


def validate_name_change(new: RevisionTemplateSpec, old: RevisionTemplateSpec) -> FieldErrors:
    """A template that names its Revision may not change without a new name."""
    if not new.metadata.name or new.metadata.name != old.metadata.name:
        return []
    diff = short_diff(old.to_wire(), new.to_wire())
    if not diff:
        return []
    message = "Saw the following changes without a name change (-old +new)"
    return [FieldError(message, ("metadata.name",), diff)]
