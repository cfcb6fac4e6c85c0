"""The node agent: Pods become sandboxed processes on this machine, and their state becomes status.

Not for routing or scaling: the agent starts what it is told to and reports what happened.
"""
