"""Programs of built-in images. They run in sandboxes, on whatever Python 3.8 or later is there.

Not for importing: each is a file of its own that uses nothing but the standard library.
"""
