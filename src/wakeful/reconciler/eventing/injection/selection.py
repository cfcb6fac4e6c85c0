"""Which namespaces and Triggers want a Broker made for them. Pure.

Two eras' words are understood: the label ``knative-eventing-injection=enabled`` of 2019 and
``eventing.knative.dev/injection=enabled``, which upstream honours only where ``config-sugar`` says
so. Here both always work; ``config-sugar`` selects further namespaces and Triggers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.labels import LabelSelector, Selector
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.eventing import Trigger, register

CONFIG_SUGAR = "config-sugar"
_WORDS = (register.LEGACY_INJECTION, register.INJECTION)


@dataclass(frozen=True, slots=True)
class SugarConfig:
    """Selectors over labels; None selects nothing."""

    namespaces: Selector | None = None
    triggers: Selector | None = None


def parse_sugar(data: Mapping[str, str]) -> SugarConfig:
    """Read ``config-sugar``.

    Raises:
        ValueError: A selector makes no sense.
    """
    return SugarConfig(_selector(data, "namespace-selector"), _selector(data, "trigger-selector"))


def _selector(data: Mapping[str, str], key: str) -> Selector | None:
    text = data.get(key, "")
    if not text.strip():
        return None
    try:
        found: Any = yaml_value(text)
    except ValueError as err:
        raise ValueError(f"{key} is not YAML: {err}") from err
    try:
        return LabelSelector.from_wire(found).to_selector()
    except (AttributeError, TypeError, ValidationError, BadRequestError) as err:
        raise ValueError(f"{key} is not a label selector: {err}") from err


def wants_broker(namespace: ObjectMeta, sugar: SugarConfig) -> bool:
    """Whether a namespace asks for a Broker."""
    labels = namespace.labels
    if any(labels.get(word) == register.DISABLED for word in _WORDS):
        return False
    if any(labels.get(word) == register.ENABLED for word in _WORDS):
        return True
    return sugar.namespaces is not None and sugar.namespaces.matches(labels)


def trigger_wants_broker(trigger: Trigger, sugar: SugarConfig) -> bool:
    """Whether a Trigger asks for the default Broker it reads from."""
    if trigger.spec.broker != register.DEFAULT_BROKER:
        return False
    meta = trigger.metadata
    for words in (meta.annotations, meta.labels):
        if any(words.get(word) == register.ENABLED for word in _WORDS):
            return True
    return sugar.triggers is not None and sugar.triggers.matches(meta.labels)
