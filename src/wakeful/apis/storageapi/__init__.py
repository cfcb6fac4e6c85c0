"""The storage group: classes of storage."""

from wakeful.apis.storageapi.storageclass_types import RESOURCES, StorageClass

__all__ = ["RESOURCES", "StorageClass"]
