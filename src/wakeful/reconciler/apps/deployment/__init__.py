"""Deployments: replica sets that replace each other without interruption."""
