"""Addresses that do something with an event by themselves: EventTransforms and JobSinks."""

from wakeful.reconciler.sinks.controllers import add_sink_controllers

__all__ = ["add_sink_controllers"]
