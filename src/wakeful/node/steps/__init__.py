"""The steps of TaskRuns: containers of one Pod that run one after the other.

Their command is Tekton's entrypoint program, which no image needs to have here: ``plan`` reads what
it was told to do, ``runner`` does it, ``board`` keeps the order, ``record`` what must outlive the
agent, ``setup`` what init containers would do. Not for deciding what a step is to run: the Pod says
that.
"""

from wakeful.node.steps.runners import PodSteps

__all__ = ["PodSteps"]
