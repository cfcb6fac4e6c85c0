"""Defaults of a Broker, out of ``config-br-defaults``."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import set_delivery_defaults
from wakeful.apis.eventing import register
from wakeful.apis.eventing.broker_types import Broker
from wakeful.apis.eventing.config import load_broker_defaults


def set_broker_defaults(broker: Broker, old: Object | None, context: AdmissionContext) -> None:
    """Choose class, settings and delivery; on update what was chosen stays."""
    if context.subresource == "status":
        return
    meta, spec = broker.metadata, broker.spec
    if isinstance(old, Broker):
        if spec.config is None and spec.channel_template_spec is None:
            spec.config = old.spec.config
            spec.channel_template_spec = old.spec.channel_template_spec
        if old.broker_class:
            meta.annotations.setdefault(register.BROKER_CLASS, old.broker_class)
    defaults = load_broker_defaults(context.config)
    config = defaults.config_of(meta.namespace, broker.broker_class)
    if config is not None:
        if spec.config is None and spec.channel_template_spec is None:
            spec.config = config.reference
        if spec.delivery is None and config.delivery is not None:
            spec.delivery = config.delivery.deep_copy()
    if spec.config is not None and not spec.config.namespace:
        spec.config.namespace = meta.namespace
    set_delivery_defaults(spec.delivery, meta.namespace)
    if not broker.broker_class and (found := defaults.broker_class(meta.namespace)):
        meta.annotations[register.BROKER_CLASS] = found
