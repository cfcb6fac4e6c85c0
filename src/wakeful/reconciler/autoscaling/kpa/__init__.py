"""The KPA class of PodAutoscaler."""
