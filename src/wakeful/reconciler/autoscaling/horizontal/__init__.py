"""Scales the targets of HorizontalPodAutoscalers by the cpu and memory that their pods use."""
