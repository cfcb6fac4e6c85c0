"""Defaults of a Configuration."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving.admission import load_config, set_user_info
from wakeful.apis.serving.configuration_types import Configuration, ConfigurationSpec
from wakeful.apis.serving.revision_defaults import set_spec_defaults


def set_configuration_defaults(
    configuration: Configuration, old: Object | None, context: AdmissionContext
) -> None:
    """Fill in the template; note who asked unless a Service owns the object."""
    if context.subresource == "status":
        return
    before = old.spec if isinstance(old, Configuration) else None
    set_template_defaults(configuration.spec, before, configuration.metadata, context)
    if not configuration.metadata.owner_references:
        set_user_info(configuration, configuration.spec, before, context)


def set_template_defaults(
    spec: ConfigurationSpec,
    old: ConfigurationSpec | None,
    parent: ObjectMeta,
    context: AdmissionContext,
) -> None:
    """Fill in the template, unless it still names the same Revision, which must not change."""
    name = spec.template.metadata.name
    if name and old is not None and old.template.metadata.name == name:
        return
    set_spec_defaults(spec.template.spec, parent, load_config(context.config), context)
