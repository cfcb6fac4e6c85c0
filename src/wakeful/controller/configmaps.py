"""Live, typed views of ConfigMaps: the last value that made sense is the one in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import structlog

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import ConfigMap
from wakeful.client import Change, Informer

C = TypeVar("C")

log = structlog.get_logger("wakeful.controller.configmaps")


class ConfigStore(Generic[C]):
    """Follows one ``config-*`` map.

    ``parse`` turns the map's data into a value and raises ``ValueError`` (or an error derived from
    it) for data that makes no sense; then the previous value stays and the fault is logged. While
    the map does not exist, the value is ``parse({})``.
    """

    def __init__(
        self,
        informer: Informer[ConfigMap],
        name: str,
        parse: Callable[[Mapping[str, str]], C],
        *,
        namespace: str = "knative-serving",
    ) -> None:
        self._key = NamespacedName(namespace, name)
        self._parse = parse
        self._value = parse({})
        self._listeners: list[Callable[[C], None]] = []
        informer.add_handler(self._on_change)

    def current(self) -> C:
        """The value in force."""
        return self._value

    def on_change(self, listener: Callable[[C], None]) -> None:
        """Call ``listener`` with every new value."""
        self._listeners.append(listener)

    def _on_change(self, change: Change[ConfigMap]) -> None:
        if change.object.key != self._key:
            return
        data = change.new.data if change.new is not None else {}
        try:
            value = self._parse(data)
        except ValueError as err:
            log.warning("config map refused", config_map=str(self._key), error=str(err))
            return
        if value == self._value:
            return
        self._value = value
        log.info("config map applied", config_map=str(self._key))
        for listener in self._listeners:
            listener(value)
