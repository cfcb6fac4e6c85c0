"""PersistentVolumeClaims: a directory each."""
