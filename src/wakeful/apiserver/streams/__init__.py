"""Streams into pods: logs, exec, attach and port-forward, over every protocol clients speak.

Not for what happens in the pod: the node agent plays
:class:`~wakeful.apiserver.protocols.NodeConnector`.
"""

from wakeful.apiserver.streams.handlers import PodStreams

__all__ = ["PodStreams"]
