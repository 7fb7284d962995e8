"""The parts of `benchmarks/gpu.sh`, each a module with a `main`."""
