"""The event process: ingress and dispatcher beside the event server, told what to do by a plan.

Light on purpose: it holds no API types and starts in a fraction of a second, because whatever is
in flight waits while it is restarted.
"""
