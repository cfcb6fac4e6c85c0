"""Refusing settings of Serving that make no sense."""

from __future__ import annotations

from wakeful.apis.autoscaling import CONFIG_NAME as CONFIG_AUTOSCALER
from wakeful.apis.autoscaling import parse_config as parse_autoscaler
from wakeful.apis.serving import register
from wakeful.apis.serving.config import VALIDATORS, advise
from wakeful.reconciler.config_admission import config_map_hook

admit_config_maps = config_map_hook(
    "config.webhook.serving.knative.dev",
    register.SYSTEM_NAMESPACE,
    {**VALIDATORS, CONFIG_AUTOSCALER: parse_autoscaler},
    advise,
)
"""An admission hook for Serving's ``config-*`` maps; keys without effect get a warning."""
