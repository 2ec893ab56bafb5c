# Everything starts here. `make help` lists what there is.
PY := .venv/bin/python
STAMP := .venv/.installed
# Processes that share the tests, each with servers of its own.
WORKERS ?= 2
# Of `make chaos`: how many rounds, the seed of the first, submissions of each at most.
ROUNDS ?= 300
SEED ?= 1
MOST ?= 60
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help up down test test-fast check bench stress chaos loadtest screenshots lock upgrade clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort

$(STAMP): requirements.txt requirements-dev.txt
	@python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install -q --disable-pip-version-check uv
	@$(PY) -m uv pip install -q --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $(STAMP)

up: $(STAMP) ## start everything in the foreground; Ctrl-C stops it
	@-$(PY) -m runner check
	@exec $(PY) -m core up

down: $(STAMP) ## stop what `make up` started
	@$(PY) -m core down

test: $(STAMP) ## the whole suite, with real components
	@bash tests/provision.sh
	$(PY) -m pytest $(SHARED) -m "not stress"

stress: $(STAMP) ## a thousand tasks through nodes that die, beside a broker that restarts
	@bash tests/provision.sh
	$(PY) -m pytest -m stress

chaos: $(STAMP) ## ROUNDS=300 rounds of faults from SEED=1 on; one alone: ROUNDS=1 SEED=7 KIND=embedded
	@bash tests/provision.sh
	$(PY) -m tests.chaos --rounds $(ROUNDS) --seed $(SEED) --most $(MOST) $(if $(KIND),--kind $(KIND))

test-fast: $(STAMP) ## the inner loop: without browser, foreign FTP servers and RabbitMQ
	$(PY) -m pytest -x $(SHARED) -m "not e2e and not ftp_servers and not rabbitmq and not stress and not chaos and not slow"

check: $(STAMP) ## lint, format, types, layers, container files
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/yamllint -s compose.yaml .github
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/checks.yml
	.venv/bin/hadolint Dockerfile

bench: $(STAMP) ## measurements; see bench/
	@for program in $(filter-out bench/loadtest.py bench/installation.py bench/million_rows.py,$(wildcard bench/*.py)); do echo "== $$program"; $(PY) $$program || exit 1; done

loadtest: $(STAMP) ## five hundred students hand in at once
	$(PY) bench/loadtest.py

screenshots: $(STAMP) ## renew those of the documents, from the demo that `make up` runs
	$(PY) docs/screenshots/make.py

COMPILE := $(PY) -m uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11

lock: $(STAMP) ## write requirements*.txt with hashes; versions that are there stay
	$(COMPILE) $(UPGRADE) requirements.in -o requirements.txt
	$(COMPILE) $(UPGRADE) requirements-dev.in -c requirements.txt -o requirements-dev.txt

upgrade: ## the same with the newest versions
	@$(MAKE) lock UPGRADE=--upgrade

clean: ## remove the environment and the embedded data
	rm -rf .venv var
