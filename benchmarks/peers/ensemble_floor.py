"""The matrix products of one network's 150 steps alone, two networks at a time: prints networks a
second. Arguments: depth width."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

DEPTH, WIDTH = map(int, sys.argv[1:3])
STEPS, NETWORKS = 150, max(1, 33_000_000 // (DEPTH * WIDTH * (WIDTH + 30) * 400))
rng = np.random.default_rng(0)


def networks() -> None:
    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    x, h, w1, w = draw(400, 784), draw(400, WIDTH), draw(784, WIDTH), draw(WIDTH, WIDTH)
    out, d = draw(WIDTH, 10), draw(400, 10)
    for _ in range(STEPS * NETWORKS):
        np.matmul(x, w1)
        np.matmul(x.T, h)
        for _ in range(DEPTH - 1):
            np.matmul(h, w)
            np.matmul(h.T, h)
            np.matmul(h, w.T)
        np.matmul(h, out)
        np.matmul(h.T, d)
        np.matmul(d, out.T)


began = time.perf_counter()
threads = [threading.Thread(target=networks) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(2 * NETWORKS / (time.perf_counter() - began))
