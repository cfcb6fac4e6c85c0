"""The checks of ``tools/check_docs.py``, a module each."""
