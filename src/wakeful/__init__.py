"""Serverless that sleeps lightly: Knative and Tekton on one machine.

Packages, lowest first; imports point down only (the contract is in ``pyproject.toml``)::

    cmd                                     wires processes
    cli | console | sdk                     people, and the code they write
    reconciler | gateway | eventing | node  planes; they share objects, never calls
    controller                              informers, work queues, the reconciler runtime
    client | apiserver                      siblings that meet on the wire
    storage | oci | procd                   durable or remote substrates
    autoscaler                              decisions, no I/O
    apis                                    the kinds
    apimachinery                            what all kinds share
    config | telemetry | pki                settings, logs, certificates
    aio                                     supervision, clocks, back-off
"""

__version__ = "0.1.0"
