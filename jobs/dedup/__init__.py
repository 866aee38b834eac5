"""Twins among samples, and overlap with benchmarks, before anything is paid for."""
