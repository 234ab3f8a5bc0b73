"""Factors are learned in silence: what the machine's linear algebra is set to is no shop's business."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np
from scipy.sparse import csr_matrix
from training.affinity.sources.factors import factorise
print(factorise(csr_matrix(np.ones((5, 4), np.float32)), np.random.default_rng(0), threads=1).products.shape)
"""


def test_a_process_that_learns_factors_first_of_all_is_warned_of_nothing() -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(root)}
    ended = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "(4, 3)", "")
