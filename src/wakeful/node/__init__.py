"""The node agent: Pods that are bound to this machine become sandboxed processes here.

``agent`` watches Pods and owns one worker each; ``worker`` lives through a Pod's life,
``container`` through a container's, ``health`` watches one run of it, ``statuswriter`` tells.
``environment``, ``volumes``, ``plan``, ``restart`` and ``status`` are pure; ``runtime`` does the
work; ``names`` answers what instances look up. Not for deciding how many instances there should
be, nor for any traffic.
"""

from wakeful.node.agent import NodeAgent
from wakeful.node.connector import PodConnector
from wakeful.node.context import NodeContext, NodeIdentity, NoTraffic, Traffic
from wakeful.node.usage import UsageMeter

__all__ = [
    "NoTraffic",
    "NodeAgent",
    "NodeContext",
    "NodeIdentity",
    "PodConnector",
    "Traffic",
    "UsageMeter",
]
