"""The map is followed while the platform runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from wakeful.apis import make_scheme
from wakeful.apis.core import ConfigMap
from wakeful.cmd.loglevels import follow_log_levels
from wakeful.config import LogLevel
from wakeful.telemetry import COMPONENTS, set_levels
from wakeful.testing.world import World

NODE = logging.getLogger("wakeful.node.agent")
NAME, NAMESPACE = "config-logging", "knative-serving"


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave logging as it was found."""
    level = logging.getLogger().level
    yield
    set_levels(level)
    for name in {name for loggers in COMPONENTS.values() for name in loggers}:
        logging.getLogger(name).setLevel(logging.NOTSET)


async def test_levels_follow_the_map_and_its_removal() -> None:
    world = World(make_scheme())
    follow_log_levels(world.manager, LogLevel.WARNING)
    async with world.running():
        data = {"loglevel.queueproxy": "debug", "zap-logger-config": '{"level": "error"}'}
        made = ConfigMap.model_validate(
            {"metadata": {"name": NAME, "namespace": NAMESPACE}, "data": data}
        )
        await world.given(made)
        await world.eventually(lambda: NODE.getEffectiveLevel() == logging.DEBUG)
        assert logging.getLogger().level == logging.ERROR

        await world.client.delete(ConfigMap, NAME, NAMESPACE)
        await world.eventually(lambda: NODE.getEffectiveLevel() == logging.WARNING)
        assert logging.getLogger().level == logging.WARNING
