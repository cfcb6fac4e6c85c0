"""``tekton.dev``: TaskRuns, PipelineRuns and custom runs, brought to their end.

What a run is to do is decided in ``wakeful.pipelines``; here it is done.
"""
