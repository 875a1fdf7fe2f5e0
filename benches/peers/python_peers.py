#!/usr/bin/env python3
"""PyTorch's, JAX's and ONNX Runtime's dropout, measured as peers measures the Rust ones.

    python3 benches/peers/python_peers.py [--quick] [--ours PEERS_CSV] [CSV]

Training forward, f32, one core, median ns per element, in rounds that run each contender once. What
is not installed is skipped with a message. With --ours, the CSV that peers wrote on the same
machine, the ratios to ours are filled in.
"""

import argparse
import csv
import os
import statistics
import time

RATES = [0.1, 0.5]
SIZES = [4 << 10, 16 << 10, 256 << 10, 4 << 20]
OURS = "ours, mask stored"
COLUMNS = ["contender", "p", "elements", "ns_per_element", "ratio_to_ours", "rounds", "fastest"]


def one_core():
    """Before anything is imported: threads inherit it, whatever a library's settings are."""
    for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
        os.environ[variable] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def torch_in_place():
    import torch

    torch.set_num_threads(1)

    def build(n, p):
        x = torch.ones(n)

        def forward():
            torch.nn.functional.dropout(x, p, training=True, inplace=True)

        def once():
            return torch.nn.functional.dropout(torch.ones(n), p, training=True).numpy()

        # Elements that are scaled again and again overflow, and zeros stay.
        return forward, once, lambda: x.fill_(1.0)

    return f"PyTorch {torch.__version__}, in place", build


def jax_jit():
    import jax
    import jax.numpy as jnp

    def build(n, p):
        @jax.jit
        def dropout(key, x):
            kept = jax.random.bernoulli(key, 1 - p, x.shape)
            return jnp.where(kept, x / (1 - p), 0.0)

        key, x = jax.random.key(42), jnp.ones(n)
        forward = lambda: dropout(key, x).block_until_ready()
        return forward, forward, lambda: None

    return f"JAX {jax.__version__}, jit", build


def onnx_runtime():
    import numpy
    import onnx
    import onnxruntime

    def build(n, p):
        session = onnxruntime.InferenceSession(
            dropout_model(onnx, n).SerializeToString(),
            one_thread(onnxruntime),
            providers=["CPUExecutionProvider"],
        )
        inputs = {"x": numpy.ones(n, "f"), "p": numpy.float32(p), "training": numpy.bool_(True)}
        value = onnxruntime.OrtValue.ortvalue_from_numpy
        y = value(numpy.zeros(n, "f"))
        binding = session.io_binding()
        for name, given in inputs.items():
            binding.bind_ortvalue_input(name, value(numpy.asarray(given)))
        binding.bind_ortvalue_output("y", y)

        def once():
            session.run_with_iobinding(binding)
            return y.numpy()

        return lambda: session.run_with_iobinding(binding), once, lambda: None

    return f"ONNX Runtime {onnxruntime.__version__}", build


def dropout_model(onnx, n):
    """A model of one node. Whether it trains is an input, or the node is optimised away."""
    tensor, types = onnx.helper.make_tensor_value_info, onnx.TensorProto
    x, y = tensor("x", types.FLOAT, [n]), tensor("y", types.FLOAT, [n])
    p, training = tensor("p", types.FLOAT, []), tensor("training", types.BOOL, [])
    node = onnx.helper.make_node("Dropout", ["x", "p", "training"], ["y"])
    graph = onnx.helper.make_graph([node], "dropout", [x, p, training], [y])
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
    )


def one_thread(onnxruntime):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


def installed():
    for peer in [torch_in_place, jax_jit, onnx_runtime]:
        try:
            yield peer()
        except ImportError as error:
            print(f"skipped: {peer.__name__}: {error}")


def check(name, y, p):
    """A dropout that is quietly the identity would win."""
    n, dropped = len(y), int((y == 0).sum())
    sigmas = (dropped - n * p) / (n * p * (1 - p)) ** 0.5
    assert abs(sigmas) < 6, f"{name}: dropped {dropped} of {n} at p = {p}"
    assert abs(y.max() - 1 / (1 - p)) < 1e-5, f"{name}: kept elements are not scaled"


def prepare(name, build, n, p, sample):
    forward, once, refill = build(n, p)
    check(name, once(), p)
    forward()
    seconds = timed(forward, 1)
    return {"name": name, "forward": forward, "refill": refill, "samples": [],
            "repetitions": max(1, int(sample / seconds))}


def timed(forward, repetitions):
    start = time.perf_counter()
    for _ in range(repetitions):
        forward()
    return time.perf_counter() - start


def measure(peers, n, p, rounds, budget, sample):
    """The rows of one size and rate."""
    runners = [prepare(name, build, n, p, sample) for name, build in peers]
    start = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - start > budget:
            break
        for runner in runners:
            runner["refill"]()
            seconds = timed(runner["forward"], runner["repetitions"])
            runner["samples"].append(seconds * 1e9 / runner["repetitions"] / n)
    for runner in runners:
        samples = runner["samples"]
        yield [runner["name"], p, n, statistics.median(samples), None, len(samples), min(samples)]


def add_ratios(rows, path):
    with open(path, newline="") as file:
        ours = {(float(r["p"]), int(r["elements"])): float(r["ns_per_element"])
                for r in csv.DictReader(file) if r["contender"] == OURS}
    for row in rows:
        row[4] = row[3] / ours[row[1], row[2]]


def print_table(rows, p):
    names = list(dict.fromkeys(row[0] for row in rows))
    found = {(row[0], row[2]): row for row in rows if row[1] == p}
    half = 9 * len(SIZES)
    print(f"\n{f'p = {p}':28}{'ns an element':>{half}}{'x ours':>{half}}")
    sizes = "".join(f"{f'{n >> 10} Ki' if n < 1 << 20 else f'{n >> 20} Mi':>9}" for n in SIZES)
    print(f"{'elements':28}{sizes}{sizes}")
    for name in names:
        cells = [found[name, n] for n in SIZES]
        ratios = ["" if cell[4] is None else f"{cell[4]:.1f}" for cell in cells]
        print(f"{name:28}" + "".join(f"{cell[3]:9.3f}" for cell in cells)
              + "".join(f"{ratio:>9}" for ratio in ratios))


def write_csv(rows, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            numbers = ["" if x is None else f"{x:.5f}" for x in (row[3], row[4], row[6])]
            writer.writerow([*row[:3], numbers[0], numbers[1], row[5], numbers[2]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", nargs="?", help="where to write the figures")
    parser.add_argument("--ours", metavar="PEERS_CSV", help="what peers wrote on this machine")
    parser.add_argument("--quick", action="store_true", help="see that everything runs")
    options = parser.parse_args()
    effort = (3, 0.1, 2e-5) if options.quick else (301, 6, 5e-4)

    one_core()
    peers = list(installed())
    rows = [row for p in RATES for n in SIZES for row in measure(peers, n, p, *effort)]
    if options.ours:
        add_ratios(rows, options.ours)
    if peers:
        for p in RATES:
            print_table(rows, p)
    if options.csv:
        write_csv(rows, options.csv)


if __name__ == "__main__":
    main()
