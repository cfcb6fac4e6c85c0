"""Addresses for pods: a bridge with a network namespace for each, or the host's own network."""

from wakeful.node.runtime.network.bridge import BridgeNetwork
from wakeful.node.runtime.network.errors import NetworkError
from wakeful.node.runtime.network.lease import HostNetwork, Lease, PodNetwork

__all__ = ["BridgeNetwork", "HostNetwork", "Lease", "NetworkError", "PodNetwork"]
