#!/usr/bin/env bash
# Cluster init script for Databricks: lays the engine's environment on every node that has GPUs.
#
# Upload it with the project's wheel to a Unity Catalog volume, name both in the cluster:
#   init_scripts:    - volumes: {destination: /Volumes/main/mammoth/deploy/databricks-init.sh}
#   spark_env_vars:  {MAMMOTH_WHEEL: /Volumes/main/mammoth/deploy/mammoth_vl-0.1.0-py3-none-any.whl}
# and set engines.<name>.python to /local_disk0/mammoth-vl/engine/bin/python in the configuration.
#
# MAMMOTH_WHEEL    the wheel; required
# MAMMOTH_PREFIX   where the environments are laid; default /local_disk0/mammoth-vl (the node's own disk)
# MAMMOTH_BUILD    gpu or cpu; default gpu where nvidia-smi is found, and nothing is laid elsewhere
set -euo pipefail

wheel="${MAMMOTH_WHEEL:?set MAMMOTH_WHEEL to the path of the wheel, in spark_env_vars of the cluster}"
prefix="${MAMMOTH_PREFIX:-/local_disk0/mammoth-vl}"
build="${MAMMOTH_BUILD:-}"

if [[ ! -f "$wheel" ]]; then
  echo "mammoth-vl: no wheel at $wheel" >&2
  exit 1
fi
if [[ -z "$build" ]]; then
  if ! command -v nvidia-smi >/dev/null; then
    echo "mammoth-vl: no GPU on this node, so no engine environment" >&2
    exit 0
  fi
  build=gpu
fi

# `mammoth-vl engine install` without the command line: it needs nothing but Python, so the wheel is put on its path
# and nothing into Spark's environment.
mkdir -p "$prefix"
PYTHONPATH="$wheel" python3 -m udfs.engine.install --prefix "$prefix/engine" --build "$build"
