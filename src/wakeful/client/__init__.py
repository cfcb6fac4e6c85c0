"""Typed access to an API server, wherever it is: one client, two homes.

:class:`Client` speaks to our own server in the same process, to our server over HTTPS, or to a
kube-apiserver; only the :class:`~wakeful.apimachinery.request.Transport` differs, and no controller
can tell which. Informers and listers keep a local, read-only copy of what they watch.
"""

from wakeful.client.informer import Change, Informer, Lister, Listing
from wakeful.client.kubeconfig import (
    KubeConfig,
    KubeConfigError,
    in_cluster_config,
    load_kubeconfig,
)
from wakeful.client.rest import RestTransport
from wakeful.client.typed import Client, ObjectList, Propagation

__all__ = [
    "Change",
    "Client",
    "Informer",
    "KubeConfig",
    "KubeConfigError",
    "Lister",
    "Listing",
    "ObjectList",
    "Propagation",
    "RestTransport",
    "in_cluster_config",
    "load_kubeconfig",
]
