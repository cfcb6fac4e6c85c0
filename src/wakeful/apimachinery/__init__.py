"""What all kinds share: metadata, the scheme, conditions, field errors, selectors, patches.

Not for any single kind, and not for anything that does I/O.
"""
