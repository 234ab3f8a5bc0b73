"""Evaluation: pure functions from predictions and what happened to numbers, intervals, tables and verdicts."""
