#!/usr/bin/env python3
"""torchvision's DropBlock, for the tensor that `cargo bench --bench drop_block` measures ours on.

    python3 benches/peers/drop_block.py

Training forward of a (32, 64, 28, 28) tensor of f32, blocks of 7 x 7, p = 0.1, one core: the median and the least of
the times.
"""

import os
import statistics
import time

SHAPE, BLOCK, P, ROUNDS = (32, 64, 28, 28), 7, 0.1, 41


def main():
    # Before torch is imported: threads inherit it.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import torch
    import torchvision

    torch.set_num_threads(1)
    x = torch.ones(SHAPE)
    dropped = (torchvision.ops.drop_block2d(x, P, BLOCK) == 0).float().mean().item()
    # What gamma and the overlaps of blocks make of p = 0.1.
    assert abs(dropped - 0.0939) < 0.004, f"{dropped} of the elements are dropped"
    samples = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        torchvision.ops.drop_block2d(x, P, BLOCK)
        samples.append((time.perf_counter() - start) * 1e3)
    print(f"torchvision {torchvision.__version__}, PyTorch {torch.__version__}: median of {ROUNDS} "
          f"{statistics.median(samples):.2f} ms, least {min(samples):.2f} ms")


if __name__ == "__main__":
    main()
