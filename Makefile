# Triptych: `make sweep` and `make test` create what they need; everything else follows from run.py.
SWEEP   ?= demo
CLUSTER ?= local
ARGS    ?=
PYTHON  ?= python3
PY      := .venv/bin/python
RUN     := $(PY) run.py

.PHONY: help sweep plan status retry tables list cost test check lock bench clean
help:
	@echo "make sweep   SWEEP=$(SWEEP) CLUSTER=here|local  plan, run, tables     (ARGS='seed=0 ...' for more)"
	@echo "make plan    SWEEP=...      what would run          make status  what has run, and errors"
	@echo "make retry   SWEEP=...      failed cells again      make tables  tables and figures again"
	@echo "make list    every variant                          make cost ARGS='backbone=resnet164 attention=dia'"
	@echo "make test    the tests      make check  lint, types      make bench  the figures of the README"

sweep: .venv/ready
	$(RUN) do=sweep sweep=$(SWEEP) cluster=$(CLUSTER) $(ARGS)
plan: .venv/ready
	@$(RUN) do=plan sweep=$(SWEEP) $(ARGS)
status: .venv/ready
	@$(RUN) do=status sweep=$(SWEEP) $(ARGS)
retry: .venv/ready
	$(RUN) do=retry sweep=$(SWEEP) cluster=$(CLUSTER) $(ARGS)
tables: .venv/ready
	$(RUN) do=report sweep=$(SWEEP) $(ARGS)
list: .venv/ready
	@$(RUN) do=list $(ARGS)
cost: .venv/ready
	@$(RUN) do=cost $(ARGS)

test: .venv/ready
	$(PY) -m pytest $(ARGS)
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
