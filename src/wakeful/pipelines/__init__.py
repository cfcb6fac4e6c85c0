"""Tekton's semantics as pure decisions: substitution, graph, results, roll-up of statuses."""
