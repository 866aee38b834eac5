# Two commands do everything: make demo, make test. Both install what they need; a second run installs nothing.
PYTHON ?= python3
BIN := .venv/bin
# What runs for minutes ends before Java's second compiler pays: half the CPU time of a cold session. Without the second
# one Java keeps 48 MB for compiled code, which a session fills, and ends when they are full. The first compiler waits for
# 800 calls instead of 200: a replayed demo takes 190 CPU seconds of Java, with 200 calls 238, with 1,600 calls 213.
export SPARK_SUBMIT_OPTS ?= -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=4 -XX:ReservedCodeCacheSize=240m \
	-XX:+UseSerialGC
.DEFAULT_GOAL := help
.PHONY: help spark engine others browser demo demo-replay test test-full check lint docs notebooks clean

help:  ## What there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

spark:  ## Install Spark's environment
	@$(PYTHON) requirements/install.py spark

engine:  ## Install the environments of Spark and of the CPU engine
	@$(PYTHON) requirements/install.py spark engine

others: spark  ## Install what tests talk to: a Spark Connect client, an S3 server
	@$(PYTHON) requirements/install.py connect s3

browser: spark  ## Find or install the Chromium that pages are tested with
	@$(BIN)/python tests/browsers.py

demo: engine  ## Run the main job on built-in data with a real engine on the CPU
	@$(BIN)/mammoth-vl demo $(ARGS)

demo-replay: spark  ## The same without an engine, from replies that a real demo got
	@$(BIN)/mammoth-vl demo --replay $(ARGS)

lint: spark  ## Style, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: engine others browser  ## The tests
	$(BIN)/pytest -n auto --dist loadscope -m "not slow" $(ARGS)

test-full: engine others browser  ## The tests, those that take long too
	$(BIN)/pytest -n auto --dist loadscope $(ARGS)

check: lint test  ## The gate: lint and test

docs: spark  ## Make docs/sources.md from the catalogue
	@$(BIN)/python -m jobs.catalogue_page

notebooks: demo browser  ## Make docs/notebooks: what the notebooks show of the demo's tables
	@$(BIN)/python tests/notebook_pages.py

clean:  ## Remove what the demo made; environments stay
	rm -rf .demo .demo-replay
