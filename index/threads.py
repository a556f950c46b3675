"""One thread for each kernel: pictures are matched side by side; kernels that spread too only get in the way."""

from __future__ import annotations

import cv2
import faiss
from threadpoolctl import threadpool_limits


def one_thread_each() -> None:
    """For this process: OpenCV, FAISS and the BLAS behind numpy stay on the thread that calls them."""
    cv2.setNumThreads(1)
    faiss.omp_set_num_threads(1)
    threadpool_limits(limits=1)
