"""The one parent of every child process: Envoy, the control plane, user instances.

``python -m wakeful.procd --run-dir D`` outlives the control plane's crashes, so what it supervises
does too. It knows processes, files and namespaces; not Pods, not readiness, not policy beyond
restart with back-off.

The server half imports only a handful of small standard modules (no asyncio, typing or
dataclasses: they would triple its memory and start-up time), which is why this file imports
nothing. Others use ``wakeful.procd.client`` (asyncio) or ``wakeful.procd.control`` (blocking).
"""
