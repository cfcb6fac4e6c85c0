"""Refusing config maps that make no sense, before anybody has to live with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apis.core import ConfigMap
from wakeful.apis.pipeline.config import parse_defaults, parse_flags
from wakeful.apis.pipeline.register import CONFIG_DEFAULTS, FEATURE_FLAGS, SYSTEM_NAMESPACE
from wakeful.apiserver.admission import AdmissionRequest

WEBHOOK = "config.webhook.pipeline.tekton.dev"
"""Denials are worded as this webhook's."""
_PARSERS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    CONFIG_DEFAULTS: parse_defaults,
    FEATURE_FLAGS: parse_flags,
}


def admit_pipeline_config_maps(request: AdmissionRequest) -> None:
    """An admission hook for Tekton's ``config-defaults`` and ``feature-flags``.

    Raises:
        BadRequestError: A value cannot be used.
    """
    config = request.obj
    if not isinstance(config, ConfigMap) or request.namespace != SYSTEM_NAMESPACE:
        return
    parse = _PARSERS.get(request.name)
    if parse is None:
        return
    try:
        parse(config.data)
    except ValueError as err:
        raise BadRequestError(
            f'admission webhook "{WEBHOOK}" denied the request: validation failed: {err}'
        ) from err
