"""What the benchmarks share: a running platform, clients that time, figures that print."""
