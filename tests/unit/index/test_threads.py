from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

PROGRAM = """
import cv2, faiss, numpy
from threadpoolctl import threadpool_info
from index.threads import one_thread_each
one_thread_each()
assert cv2.getNumThreads() == 1, cv2.getNumThreads()
assert faiss.omp_get_max_threads() == 1
assert {pool["num_threads"] for pool in threadpool_info()} == {1}, threadpool_info()
"""


def test_every_kernel_stays_on_its_thread() -> None:
    """In a process of its own, for the settings stay."""
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=REPOSITORY, check=True)
