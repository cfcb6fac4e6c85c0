"""Levels of single components, and lines that follow them from one to the next."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from wakeful.telemetry import COMPONENTS, configure_logging, set_levels

LOGGERS = {name for loggers in COMPONENTS.values() for name in loggers}


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    set_levels(level)
    for name in (*LOGGERS, "aiokafka", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)


def effective(name: str) -> int:
    """From which level on a logger writes."""
    return logging.getLogger(name).getEffectiveLevel()


def test_a_component_has_its_own_level_and_others_the_general_one() -> None:
    set_levels(logging.WARNING, {"controller": logging.DEBUG, "activator": logging.ERROR})

    assert effective("wakeful.reconciler.serving.gc") == logging.DEBUG
    assert effective("wakeful.gateway.gate") == logging.ERROR
    assert effective("wakeful.gateway.planner") == logging.WARNING
    assert effective("wakeful.oci.registry") == logging.WARNING


def test_what_was_set_is_taken_back() -> None:
    set_levels(logging.INFO, {"webhook": logging.DEBUG})
    set_levels(logging.INFO)

    assert effective("wakeful.apiserver.http") == logging.INFO


def test_the_gateway_writes_what_any_of_its_names_asks_for_but_the_gate_has_a_name() -> None:
    levels = {"net-istio-controller": logging.ERROR, "net-kourier-controller": logging.DEBUG}
    set_levels(logging.INFO, levels)

    assert effective("wakeful.gateway.xds") == logging.DEBUG
    assert effective("wakeful.gateway.gate") == logging.INFO


def test_passwords_are_never_written() -> None:
    set_levels(logging.DEBUG)

    assert effective("aiokafka") == logging.INFO


def test_a_logger_that_was_used_before_follows() -> None:
    """It is made at the first line, and kept."""
    out = io.StringIO()
    configure_logging("info", out)
    log = structlog.get_logger("wakeful.node.example")
    log.debug("one")
    set_levels(logging.INFO, {"queueproxy": logging.DEBUG})
    log.debug("two")
    set_levels(logging.WARNING)
    log.info("three")
    log.warning("four")

    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["two", "four"]
