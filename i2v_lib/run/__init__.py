"""Run: the artifacts of one reproduction, each built once from the others and reused while its inputs stand."""

from i2v_lib.run.search_run import METRICS, Run

__all__ = ["METRICS", "Run"]
