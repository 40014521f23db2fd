# The first two commands of the README are `make demo` and `make test`. Everything else is for contributors.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo check test soak bench format models clean

# An interpreter that is told not to write bytecode, as in many containers, would compile all of it at every start.
install: $(STAMP)
	$(BIN)/python -m compileall -q src

$(STAMP): pyproject.toml scripts/build_schema.py scripts/generate_models.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(STAMP)

demo: install
	$(BIN)/python -m podium.cli.main demo

check: install
	$(BIN)/ruff format --check src tests scripts bench examples
	$(BIN)/ruff check src tests scripts bench examples
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_models.py --check

test: install
	scripts/install_test_tools
	$(BIN)/python -m pytest -n 2 --dist loadscope $(ARGS)

soak: install
	$(BIN)/python -m tests.soak $(ARGS)

bench: install
	$(BIN)/python -m bench $(ARGS)

format: install
	$(BIN)/ruff format src tests scripts bench examples
	$(BIN)/ruff check --fix src tests scripts bench examples

models: install
	$(BIN)/python scripts/generate_models.py
	$(BIN)/ruff format src/podium/models

clean:
	rm -rf $(VENV) .tools build dist src/podium/models/schema.json.gz
