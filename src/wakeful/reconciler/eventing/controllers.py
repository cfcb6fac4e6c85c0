"""Everything Eventing's core consists of, in one call."""

from __future__ import annotations

from wakeful.apis.messaging.dataplane_role import EventDataPlane
from wakeful.controller import Manager
from wakeful.reconciler.eventing.broker.controller import (
    make_controller as make_broker_controller,
)
from wakeful.reconciler.eventing.eventtype.controller import (
    make_controller as make_eventtype_controller,
)
from wakeful.reconciler.eventing.eventtype.observed import ObservedTypes
from wakeful.reconciler.eventing.injection.controller import (
    make_controller as make_injection_controller,
)
from wakeful.reconciler.eventing.trigger.controller import (
    make_controller as make_trigger_controller,
)
from wakeful.reconciler.flows import add_flows_controllers
from wakeful.reconciler.messaging import ChannelObjects, add_messaging_controllers
from wakeful.reconciler.networking import GatewayDomains


def add_eventing_controllers(
    manager: Manager, plane: EventDataPlane, *, gateway: str = GatewayDomains().private
) -> None:
    """Have ``manager`` run the controllers of Brokers, Triggers, channels and flows.

    ``plane`` is whoever carries the events; ``gateway`` is the name inside the cluster of what
    knows the way to it.
    """
    channels = ChannelObjects(manager)
    for runnable in (
        make_injection_controller(manager),
        make_broker_controller(manager, plane, channels),
        make_trigger_controller(manager),
        make_eventtype_controller(manager),
        ObservedTypes(manager, plane),
    ):
        manager.add(runnable)
    add_messaging_controllers(manager, plane, channels, gateway=gateway)
    add_flows_controllers(manager, channels)
