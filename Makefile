# Two commands do everything: `make book` and `make test`. Both first make .venv if requirements.txt changed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PYTHONUTF8 := 1
# With CPU=1 the environment gets PyTorch's build without CUDA; its version ends in +cpu, which pip takes for the newer one.
CPU_BUILDS := https://download.pytorch.org/whl/cpu

.PHONY: book student pdf epub test check mutants bench serve lock format clean
.DELETE_ON_ERROR:

# The old pages go, in case one left the table of contents; the execution cache and bench.json stay. --all reads every
# page again, so that a warning is seen every time; -W makes warnings errors, -n adds dangling references, and
# --keep-going lists them all.
book: $(STAMP)
	rm -rf _build/html _build/jupyter_execute _build/.doctrees
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo "The book is ready: open _build/html/index.html, or run 'make serve'."

# The same book without the solutions of its exercises, in its files and notebooks too.
student: $(STAMP)
	rm -rf _build/student/_build/html _build/student/_build/jupyter_execute _build/student/_build/.doctrees
	HW3_EDITION=student $(BIN)/jupyter-book build . --path-output _build/student --all -W -n --keep-going
	@echo "The edition for students is ready: open _build/student/_build/html/index.html."

# The whole book in one file, with Chromium; the pages then offer it in their download menu, until their text changes.
pdf epub: $(STAMP)
	rm -rf _build/singlehtml _build/epub _build/.doctrees
	$(BIN)/jupyter-book build . --builder custom --custom-builder $(if $(filter pdf,$@),singlehtml,epub) --all -W -n --keep-going
	$(MAKE) book

# Two files of tests at a time, each with one thread (see tests/conftest.py).
test: $(STAMP) check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# Which changes of an operator or a number the tests do not notice; writes the scores into CONTRIBUTING.md.
mutants: $(STAMP)
	$(BIN)/python tests/mutants.py --write

bench: $(STAMP)
	$(BIN)/hw3 bench

serve: $(STAMP)
	$(BIN)/python -m http.server --directory _build/html --bind 127.0.0.1 8000

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# New pins for all systems; needs uv (https://docs.astral.sh/uv).
lock:
	uv pip compile pyproject.toml --extra book --extra test --extra experiments --universal --python-version 3.11 \
		--no-header --no-annotate --constraint .ci/constraints.txt --output-file requirements.txt

clean:
	rm -rf _build

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; set PYTHON=")'
	@# An interrupted venv has a python and no pip: it is made again.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	grep -vE '^($(if $(CPU),cuda|nvidia|triton,#))' requirements.txt > .venv/requirements.txt
	$(BIN)/python -m pip install --requirement .venv/requirements.txt $(if $(CPU),--extra-index-url $(CPU_BUILDS))
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	@touch $@
