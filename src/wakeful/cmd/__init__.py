"""Entry points: where objects are built and wired. Imported by nobody.

``main`` is the command line; ``controlplane`` is the process that decides; ``up``, ``down`` and
``status`` drive the processes of one data directory.
"""
