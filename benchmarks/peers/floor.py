"""The floor: the matrix products of both trainings and nothing else, in NumPy's BLAS, two at a
time. Prints seconds."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import threading  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

STEPS = 750
rng = np.random.default_rng(0)


def training() -> None:
    x = rng.normal(size=(400, 784)).astype(np.float32)
    h = rng.normal(size=(400, 64)).astype(np.float32)
    w1 = rng.normal(size=(784, 64)).astype(np.float32)
    w = rng.normal(size=(64, 64)).astype(np.float32)
    out = rng.normal(size=(64, 10)).astype(np.float32)
    d = rng.normal(size=(400, 10)).astype(np.float32)
    z, dw, dw1 = np.empty_like(h), np.empty_like(w), np.empty_like(w1)
    logits, dout = np.empty_like(d), np.empty_like(out)
    for _ in range(STEPS):
        np.matmul(x, w1, out=z)
        np.matmul(x.T, h, out=dw1)
        for _ in range(9):
            np.matmul(h, w, out=z)
            np.matmul(h.T, z, out=dw)
            np.matmul(h, w.T, out=z)
        np.matmul(h, out, out=logits)
        np.matmul(h.T, d, out=dout)
        np.matmul(d, out.T, out=z)


began = time.perf_counter()
threads = [threading.Thread(target=training) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(time.perf_counter() - began)
