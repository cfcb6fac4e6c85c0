"""What the event process shall do, as plain values: the compiled form of Brokers and channels.

The control plane compiles a plan and leaves it as a file; the event process goes on with the last
one while there is no control plane. The model is light: whoever only reads plans imports
``plan.model``, never the API's types.
"""
