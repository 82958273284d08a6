# make demo   see GPT-2's head graph in a local Neo4j
# make test   all tests, against a real Neo4j of their own
# make torture  damaged inputs and killed commands, for some minutes (docs/project/reliability.md)
# make lint   style, types, and which room may import which
# make lock   write the exact versions of requirements/ from the ranges in pyproject.toml
# make test-lowest, make test-newest  many tests with the oldest and the newest versions allowed
# make audit  licences and known vulnerabilities of what is installed
# make dist   wheel and sdist, built twice with the same bytes, checked, and tried in an empty environment
# make bench  how fast compute, load and queries are here (docs/project/performance.md)
# make docs   write what the docs list from the code; make data, make pictures: bundled files
# make site   build the pages of docs/ as a site, in site/
# make studies  take the numbers of docs/ again that need minutes: patching, ablation, behaviour,
#               detection, other models, the paper reproduced, basis methods

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check
INSTALL := $(BIN)/python $(PIP) --require-hashes
INSTALL_SELF := $(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
SHARED ?= ../shared
# processes that test, two of three with a Neo4j of their own
JOBS ?= 3
# Three processes import all tests, and many run headgraph: what is compiled is kept for the others,
# also where the environment asks Python not to.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test torture test-lowest test-newest lock audit dist lint docs docs-check site data \
  examples pictures studies bench bench-large bench-queries bench-load bench-profiles bench-series \
  clean

demo: $(VENV)/.core
	@$(BIN)/headgraph demo

test: $(VENV)/.dev
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

# the long form has its own options: see tests/torture/__init__.py and tests/torture/kills/__init__.py
torture: $(VENV)/.dev
	$(BIN)/python -m tests.torture --inputs 200 --seed $${SEED:-1}
	$(BIN)/python -m tests.torture.kills --planted --kills 100 --seed $${SEED:-1}
	$(BIN)/python -m tests.torture.kills --kills 20 --seed $${SEED:-1}

# What depends on the versions of other packages: arithmetic, files, models, pictures, the command
# line, and the way of a run into a database and out. About ten minutes of a processor.
ENDS := tests/base tests/pk_engine tests/analysis tests/test_help.py tests/test_cli.py \
  tests/loader/loading/test_load_real.py tests/loader/exports/test_run_real.py \
  tests/queries/catalogue/test_basic_queries_real.py
ENDS_PYTHON ?= $(BIN)/python

# the newest on another Python with ENDS_PYTHON=python3.14, for which the oldest have no wheels
test-lowest test-newest: $(VENV)/.dev
	$(BIN)/uv venv --quiet --clear $(VENV)-ends --python $(ENDS_PYTHON)
	$(BIN)/uv pip install --quiet --python $(VENV)-ends \
	  --resolution $(if $(findstring lowest,$@),lowest-direct,highest) --editable '.[lens,dev]'
	$(VENV)-ends/bin/pytest -n $(JOBS) $(ENDS) $(ARGS)

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
  --quiet --custom-compile-command "make lock" $(ARGS)

lock:
	$(BIN)/uv pip compile $(LOCK) --all-extras pyproject.toml --output-file requirements/dev.txt
	$(BIN)/uv pip compile $(LOCK) --constraints requirements/dev.txt pyproject.toml \
	  requirements/build.in --output-file requirements/core.txt

# Licences of what headgraph installs with itself and of the server's jars, then known vulnerabilities of all that is locked.
# The latter needs PyPI's own interface; a package that could not be looked up is an error.
LICENCES := MIT;BSD;Apache;PSF;Python Software Foundation;Mozilla Public License 2.0;MPL-2.0;Unlicense;GNU General Public License v2 (GPLv2)
audit: $(VENV)/.dev
	rm -rf $(VENV)-audit && $(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python $(PIP) --require-hashes --requirement requirements/core.txt
	$(BIN)/pip-licenses --python $(VENV)-audit/bin/python --partial-match --allow-only='$(LICENCES)'
	$(BIN)/python -m benchmarks.jar_licences
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements/dev.txt

export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
dist: $(VENV)/.dev
	rm -rf dist
	for folder in dist dist/again; do $(BIN)/python -m build --no-isolation --outdir $$folder; done
	for file in dist/again/*; do cmp $$file dist/$$(basename $$file); done && rm -r dist/again
	$(BIN)/twine check --strict dist/headgraph-*
	$(BIN)/python -m benchmarks.sbom dist/sbom.cdx.json
	$(PYTHON) -m venv dist/tried
	dist/tried/bin/python $(PIP) --require-hashes --requirement requirements/core.txt
	dist/tried/bin/python $(PIP) --no-deps dist/*.whl
	cd dist/tried && export XDG_DATA_HOME=$$PWD/data && { bin/headgraph demo; code=$$?; \
	  bin/headgraph server stop; exit $$code; }
	rm -r dist/tried

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
	$(BIN)/python -m benchmarks.decoy_patterns
	$(BIN)/python -m benchmarks.decoy_simulations
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

bench-series: $(VENV)/.dev
	$(BIN)/python -m benchmarks.series

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

# Exact versions with hashes, from requirements/; `make lock` writes them from pyproject.toml's ranges.
$(VENV)/.core: pyproject.toml requirements/core.txt | $(BIN)/python
	@echo "Installing headgraph into $(VENV) (once; a minute or so)"
	@$(INSTALL) --requirement requirements/core.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.dev: pyproject.toml requirements/dev.txt | $(BIN)/python
	@echo "Installing headgraph with torch, TransformerLens and test tools into $(VENV)" \
	      "(once; several GB)"
	@$(INSTALL) --requirement requirements/dev.txt
	@$(INSTALL_SELF)
	@touch $@ $(VENV)/.core
