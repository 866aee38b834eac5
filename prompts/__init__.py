"""Prompt templates, one YAML file each, versioned by content hash."""
