# Two commands do everything on a fresh machine with Python 3.11-3.13 and git: `make repro` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Some containers set it; a hundred processes would then compile torch's sources again, three seconds each.
unexport PYTHONDONTWRITEBYTECODE
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

.PHONY: repro test test-fast lint report ui gpu lock clean

# Cells do not depend on each other: JOBS of them at a time are trained and scored, or one on each GPU, then one `dvc repro` does what
# is left. Plain `dvc repro` does all of it too, one stage after another.
# PROFILE=digits-full is the same with four more seeds of every cell.
PROFILE ?= digits
STAGES := pipelines/$(PROFILE)/dvc.yaml
repro: $(READY)
	@test -e .git || $(BIN)/dvc config -q --local core.no_scm true  # a downloaded archive has no history, and needs none
	$(BIN)/python -m pipelines.commands.stages $(PROFILE)
	$(BIN)/python -m pipelines.commands.sweep --profile $(PROFILE) $(if $(findstring file,$(origin JOBS)),,--at-once $(JOBS))
	@! grep -q '^  cost:' $(STAGES) || $(BIN)/python -m pipelines.cost --profile $(PROFILE)  # times what another machine has timed
	$(BIN)/dvc repro $(filter-out pipelines/digits/dvc.yaml,$(STAGES))  # the default profile: all, to MLflow
	@test ! -e .git || $(BIN)/python -m harness.verify --profile $(PROFILE) --against || test $$? -eq 1  # 1: it has said what differs

# Files of tests run side by side, each on one thread; a process takes up to 1 GB.
AT_ONCE := -n $(shell test $(JOBS) -lt 4 && echo $(JOBS) || echo 4) --dist loadfile
test: export OMP_NUM_THREADS := 1
test: $(READY)
	$(BIN)/python -m pytest $(AT_ONCE)

test-fast: export OMP_NUM_THREADS := 1
test-fast: $(READY)
	$(BIN)/python -m pytest $(AT_ONCE) -m "not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

report: $(READY)
	$(BIN)/python -m harness.report

# Ten minutes on any CUDA machine: whether everything computes what it should there, and how fast. Without .venv, with any Python
# that has torch.
gpu:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m pipelines.gpu

ui: $(READY)
	$(BIN)/python -m harness.tracking --ui

# uv installs the locked wheels several times faster than pip; where it cannot reach the registry (a private mirror set up for pip
# only), pip installs the very same files. Every file is checked against the hash in requirements.lock.
$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.platform == "win32" and sys.exit("error: Windows itself is not supported; run inside WSL2"); sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else f"error: {sys.executable} is Python {sys.version.split()[0]}; expected 3.11 to 3.13; run: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.lock
	$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . \
	  || $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .  # the command ladabench
	touch $@

# Only for maintainers: resolve pyproject.toml again. No package index host enters the files.
lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" --upgrade -o requirements.lock
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > requirements-uv.lock

# Results stay, and so does what DVC keeps of weights and data.
clean:
	@echo "removes .venv (installed packages) and .ckpt (checkpoints of unfinished trainings, cached features); keeps results and .dvc/cache"
	rm -rf .venv .ckpt
