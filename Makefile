# Triptych: `make sweep` and `make test` create what they need; everything else follows from run.py.
SWEEP   ?= demo
CLUSTER ?=
ANALYSIS ?= all
SOURCE  ?=
ARGS    ?=
PYTHON  ?= python3
PY      := .venv/bin/python
RUN     := $(PY) run.py
CHOSEN   = $(if $(CLUSTER),cluster=$(CLUSTER))

.PHONY: help sweep plan status logs cancel retry tables analyze publish dashboard browse list cost \
        test test-slurm tools check lock bench clean
help:
	@echo "make sweep    plan, run, tables           SWEEP=$(SWEEP) CLUSTER=here|local|slurm (or conf/user.yaml)"
	@echo "make plan     what would run              make tables   tables and figures again"
	@echo "make status   what has run, and errors    WATCH=1       again and again"
	@echo "make logs     what a cell printed         KEY=<the cell's key>"
	@echo "make retry    failed cells again          make cancel   end a sweep's jobs"
	@echo "make publish  the ledger to W&B           make dashboard  its workspace there"
	@echo "make browse   offline runs in a terminal  SOURCE=wandb://entity/project  tables from W&B"
	@echo "make analyze  correlation, stiffness, flatness ... of finished cells   ANALYSIS=all"
	@echo "make list     every variant               make cost     ARGS='backbone=resnet164 attention=dia'"
	@echo "make test     the tests                   make check    lint, types"
	@echo "make test-slurm  the tests on a real SLURM: this machine's, or one that it starts (as root)"
	@echo "make bench    the figures of the README"
	@echo "ARGS='tracking=none' adds a setting to any of them, ARGS='seed=0' chooses cells of sweep, plan, cost"

sweep: .venv/ready
	$(RUN) do=sweep sweep=$(SWEEP) $(CHOSEN) $(ARGS)
plan: .venv/ready
	@$(RUN) do=plan sweep=$(SWEEP) $(CHOSEN) $(ARGS)
status: .venv/ready
	@$(RUN) do=status sweep=$(SWEEP) $(CHOSEN) $(if $(WATCH),watch=true) $(ARGS)
logs: .venv/ready
	@$(RUN) do=logs sweep=$(SWEEP) $(if $(KEY),key=$(KEY)) $(ARGS)
cancel: .venv/ready
	$(RUN) do=cancel sweep=$(SWEEP) $(ARGS)
retry: .venv/ready
	$(RUN) do=retry sweep=$(SWEEP) $(CHOSEN) $(ARGS)
tables: .venv/ready
	$(RUN) do=report sweep=$(SWEEP) $(if $(SOURCE),source=$(SOURCE)) $(ARGS)
analyze: .venv/ready
	$(RUN) do=analyze sweep=$(SWEEP) "analysis=[$(ANALYSIS)]" $(if $(KEY),key=$(KEY)) $(ARGS)
publish: .venv/ready
	@$(RUN) do=publish sweep=$(SWEEP) $(ARGS)
dashboard: .venv/ready
	@$(RUN) do=dashboard sweep=$(SWEEP) $(ARGS)
browse: .venv/ready
	@$(RUN) do=browse $(ARGS)
list: .venv/ready
	@$(RUN) do=list $(ARGS)
cost: .venv/ready
	@$(RUN) do=cost $(ARGS)

test: .venv/ready tools
	$(PY) -m pytest -n auto --maxprocesses=4 $(ARGS)
# The page is tested in Chromium, the tables with pdflatex, browsing in tmux; without them those tests
# are skipped, but root on Debian gets them.
TOOLS   := chromium pdflatex pdftotext tmux
tools:
	@which $(TOOLS) >/dev/null || test "$$(id -u)" != 0 || ! which apt-get >/dev/null || \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install --no-install-recommends \
	      chromium texlive-latex-recommended poppler-utils tmux; } >/dev/null
# They use the SLURM cluster of this machine; without one, root starts one, from Debian's packages.
SLURM   := sbatch slurmd slurmctld slurmdbd mariadbd munged
test-slurm: .venv/ready
	@sinfo >/dev/null 2>&1 || which $(SLURM) >/dev/null || \
	  test "$$(id -u)" != 0 || ! which apt-get >/dev/null || \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install slurm-wlm slurmdbd mariadb-server munge; } >/dev/null
	$(PY) -m pytest tests/slurm -n 3 $(ARGS)
check: .venv/ready
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy
bench: .venv/ready
	for file in benchmarks/[!_]*.py; do name=$$(basename $$file .py); echo "== $$name"; $(PY) -m benchmarks.$$name || exit 1; done

# The environment: the locked packages with their hashes, bytecode compiled, nothing by hand.
.venv/ready: requirements.lock
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Triptych needs Python 3.11 or newer')"
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv pip sync --quiet --python $(PY) --require-hashes --compile-bytecode requirements.lock
	@touch $@
lock:
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock
clean:
	rm -rf results .pytest_cache .mypy_cache .ruff_cache
