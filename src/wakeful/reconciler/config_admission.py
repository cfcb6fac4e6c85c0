"""Refusing config maps that make no sense, before anybody has to live with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apis.core import ConfigMap
from wakeful.apiserver.admission import AdmissionHook, AdmissionRequest

Parser = Callable[[Mapping[str, str]], object]
"""Reads the data of a map; raises ``ValueError`` for what makes no sense."""
Adviser = Callable[[str, Mapping[str, str]], Iterable[str]]
"""Tells by a map's name and data what to warn of."""


def config_map_hook(
    webhook: str, namespace: str, parsers: Mapping[str, Parser], advise: Adviser | None = None
) -> AdmissionHook:
    """An admission hook for the maps of ``namespace`` that ``parsers`` has by their name.

    It raises ``BadRequestError`` for a map that its parser refuses, in the words of upstream's
    ``webhook``; the others are written with the warnings of ``advise``.
    """

    def admit(request: AdmissionRequest) -> None:
        config = request.obj
        parse = parsers.get(request.name)
        if parse is None or not isinstance(config, ConfigMap) or request.namespace != namespace:
            return
        try:
            parse(config.data)
        except ValueError as err:
            raise BadRequestError(
                f'admission webhook "{webhook}" denied the request: validation failed: {err}'
            ) from err
        if advise is not None:
            request.context.warnings.extend(advise(request.name, config.data))

    return admit
