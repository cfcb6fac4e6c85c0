"""The HPA class of PodAutoscaler."""
