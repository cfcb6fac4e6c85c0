"""``triggers.tekton.dev``: listeners behind the gateway, and what they do with requests.

What a request turns into is decided in ``wakeful.pipelines.triggers``; here it is done, with the
rights of the service account that the listener or the trigger names.
"""

from wakeful.reconciler.triggers.controllers import add_trigger_controllers

__all__ = ["add_trigger_controllers"]
