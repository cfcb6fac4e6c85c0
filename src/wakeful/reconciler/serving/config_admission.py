"""Refusing config maps that make no sense, before anybody has to live with them."""

from __future__ import annotations

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apis.autoscaling import CONFIG_NAME as CONFIG_AUTOSCALER
from wakeful.apis.autoscaling import parse_config as parse_autoscaler
from wakeful.apis.core import ConfigMap
from wakeful.apis.serving import register
from wakeful.apis.serving.config import VALIDATORS, advise
from wakeful.apiserver.admission import AdmissionRequest

WEBHOOK = "config.webhook.serving.knative.dev"
"""Denials are worded as this webhook's."""


def admit_config_maps(request: AdmissionRequest) -> None:
    """An admission hook for Serving's ``config-*`` maps; keys without effect get a warning.

    Raises:
        BadRequestError: A value cannot be used; the message is upstream's.
    """
    config = request.obj
    if not isinstance(config, ConfigMap) or request.namespace != register.SYSTEM_NAMESPACE:
        return
    parse = {**VALIDATORS, CONFIG_AUTOSCALER: parse_autoscaler}.get(request.name)
    if parse is None:
        return
    try:
        parse(config.data)
    except ValueError as err:
        raise BadRequestError(
            f'admission webhook "{WEBHOOK}" denied the request: validation failed: {err}'
        ) from err
    request.context.warnings.extend(advise(request.name, config.data))
