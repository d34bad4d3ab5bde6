# Every target first builds .venv from the pins. Paths are relative, so the folder may have any name.
# PYTHON=/path/to/python3.12 make lab   builds it with another interpreter.

PYTHON ?= python3
VENV := .venv/bin/python
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help reproduce test check docs lab clean

help:
	@echo "make reproduce   draw the demo set, train, execute every notebook, publish figures/"
	@echo "make test        lint and test, notebooks and browser included"
	@echo "make check       the same without slow tests, notebooks and browser"
	@echo "make docs        write pages of the API into build/docs"
	@echo "make lab         open the notebooks in JupyterLab"
	@echo "make clean       remove .venv, runs/ and caches; figures/ stay"

reproduce: .venv/.ready
	$(VENV) -m i2v_lib reproduce demo

test: .venv/.ready
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	$(VENV) -m pytest $(PARALLEL)

check: .venv/.ready
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m pytest $(PARALLEL) -m "not slow and not browser and not notebook"

docs: .venv/.ready
	$(VENV) docs/api.py

lab: .venv/.ready
	$(VENV) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks

# The stamp is written last and --clear empties the folder: a half-built environment is built anew.
.venv/.ready: requirements.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || \
	  { echo "error: $(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "[1/3] creating .venv"
	@"$(PYTHON)" -m venv --clear .venv
	@echo "[2/3] installing the pinned libraries (PyTorch on Linux takes several GB and some minutes)"
	@$(VENV) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@echo "[3/3] installing the kit"
	@$(VENV) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/.ready

clean:
	rm -rf .venv runs build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find i2v_lib tests benchmarks notebooks -name __pycache__ -prune -exec rm -rf {} +
	find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +
