"""Contracts: configuration, sources, tables, errors. Imports nothing of ours."""
