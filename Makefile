# `make demo` and `make test` need Python 3.11 or newer, and a package index the first time.
PYTHON ?= python3
VENV ?= .venv
OUT ?= out
DEMO_ARGS ?=
BENCH_ARGS ?=
PYTEST_ARGS ?=

run = $(VENV)/bin/python
# One stamp per set of extras: a second call installs nothing.
with = $(VENV)/.installed-$(1)

.PHONY: help demo test parity browser bench lint format doctest docs clean

help:
	@echo 'make demo     train two deep networks, draw where the gradient dies'
	@echo 'make test     run the tests'
	@echo 'make parity   compare with PyTorch (installs it)'
	@echo 'make browser  drive the pages in Chromium (apt install chromium, or CHROMIUM=its path)'
	@echo 'make bench    run the benchmarks (installs the other libraries)'
	@echo 'make lint     ruff and mypy --strict'
	@echo 'make format   let ruff rewrite the layout'
	@echo 'make doctest  run the examples in the docstrings and the Markdown pages'
	@echo 'make docs     build the documentation site into docs/_build/html'
	@echo 'make clean    remove what the commands above made'

demo: $(call with,demos)
	$(run) -m demos.vanishing --out $(OUT) $(DEMO_ARGS)

# A process for each core, each with one thread: two pools on one core wait for each other.
test: $(call with,test)
	OMP_NUM_THREADS=1 $(run) -m pytest -n auto $(PYTEST_ARGS)

parity: $(call with,parity)
	$(run) -m pytest -m parity $(PYTEST_ARGS)

browser: $(call with,browser)
	@which "$${CHROMIUM:-chromium}" chromium-browser google-chrome chrome | grep -q . || { \
	  echo 'make browser needs Chromium: apt install chromium, or CHROMIUM=path' >&2; exit 1; }
	$(run) -m pytest -m browser $(PYTEST_ARGS)

bench: $(call with,bench)
	$(run) -m benchmarks $(BENCH_ARGS)

lint: $(call with,dev)
	$(run) -m ruff check .
	$(run) -m ruff format --check .
	$(run) -m mypy

format: $(call with,dev)
	$(run) -m ruff check --fix .
	$(run) -m ruff format .

doctest: $(call with,test)
	$(run) -m pytest --doctest-modules autodiff nn viz $(PYTEST_ARGS)
	$(run) -m tests.markdown

docs: $(call with,docs)
	$(run) -m sphinx -q -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) $(OUT) build dist *.egg-info docs/_build docs/api docs/gallery docs/pages docs/project .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip has no way to undo half an environment, so a failed one is removed.
$(run):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=python3.12 ..." >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' failed: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed-%: setup.cfg pyproject.toml | $(run)
	$(run) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
