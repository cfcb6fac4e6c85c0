"""Instances that wait with their modules imported: the *zygote* of a Python program.

A revision that asks for it has, at zero, a new Pod whose program has not begun: the interpreter
stands in its own sandbox, with its own name, address, volumes and environment, and with everything
imported that an instance before it was seen to import. On the word of the autoscaler it goes on to
its program, within milliseconds.

``hook`` runs inside instances; ``recording`` makes the list of modules of what it noted;
``recipes`` keeps the lists; ``keeper`` looks after the container of a Pod that waits.

Not here: when to have one. That is the autoscaler's.
"""

from wakeful.node.zygote.keeper import ContainerZygote, ZygoteKeeper
from wakeful.node.zygote.recipes import RecipeStore

__all__ = ["ContainerZygote", "RecipeStore", "ZygoteKeeper"]
