"""The routes, one file per subject, each with its request and response models beside it.

Routes read as a table of contents: typed dependencies, one call, one answer. What they answer from is in the files around
this folder: `current` (one customer, up to the last event), `champions` (models), `state` (rows).
"""
