"""Refusing settings of Tekton that make no sense."""

from __future__ import annotations

from wakeful.apis.pipeline.config import parse_defaults, parse_flags
from wakeful.apis.pipeline.register import CONFIG_DEFAULTS, FEATURE_FLAGS, SYSTEM_NAMESPACE
from wakeful.reconciler.config_admission import config_map_hook

admit_pipeline_config_maps = config_map_hook(
    "config.webhook.pipeline.tekton.dev",
    SYSTEM_NAMESPACE,
    {CONFIG_DEFAULTS: parse_defaults, FEATURE_FLAGS: parse_flags},
)
"""An admission hook for ``config-defaults`` and ``feature-flags``."""
