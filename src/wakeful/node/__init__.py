"""The node agent: Pods that are bound to this machine become sandboxed processes here.

``agent`` watches Pods and owns one worker each; ``worker`` and ``container`` live through a Pod's
life; ``environment``, ``volumes``, ``plan`` and ``status`` are pure; ``runtime`` does the work.
Not for deciding how many instances there should be, nor for any traffic.
"""

from wakeful.node.agent import NodeAgent
from wakeful.node.connector import PodConnector
from wakeful.node.context import NodeContext, NodeIdentity

__all__ = ["NodeAgent", "NodeContext", "NodeIdentity", "PodConnector"]
