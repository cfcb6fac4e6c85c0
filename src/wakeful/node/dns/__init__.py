"""Names inside the cluster: what instances look up, and who answers them.

A small DNS server on this host's side of the instances' network. It answers for
``cluster.local`` from the objects it watches and passes everything else on to the host's resolvers.
"""

from wakeful.node.dns.resolvconf import make_resolv_conf
from wakeful.node.dns.server import NameServer
from wakeful.node.dns.upstream import HostResolvers
from wakeful.node.dns.zone import DOMAIN, ClusterZone

__all__ = ["DOMAIN", "ClusterZone", "HostResolvers", "NameServer", "make_resolv_conf"]
