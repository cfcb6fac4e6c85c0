"""From objects to plans: what Ingresses, ServerlessServices and EndpointSlices ask of the gateway.

``tables`` and ``backends`` are pure; ``planner`` watches, ``prober`` proves.
"""

from wakeful.gateway.planner.planner import Planner

__all__ = ["Planner"]
