# Everything a newcomer needs: `make demo` and `make test`. Works with make 3.81 (macOS).
# ARGS goes to the command behind the target:  make demo ARGS="--json"   make test ARGS="tests/unit -k discovery"
# PYTHON chooses the Python for .venv, BROWSER a browser:  make setup PYTHON=python3.13 BROWSER=/opt/chrome/chrome

.DEFAULT_GOAL := help
ARGS ?=
PYTHON ?=
BROWSER ?=
BIN := .venv/bin
# The pins must not carry anything of the machine that refreshed them: no index, no host, no folder.
PIN := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --upgrade \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.PHONY: help setup demo test check pins bench profile chaos week screenshots clean

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with the pinned packages, and find or install a browser
	@PYTHON="$(PYTHON)" BROWSER="$(BROWSER)" sh tools/setup.sh

demo: setup ## six accounts at work on the mock marketplace
	@$(BIN)/runner demo $(ARGS)

# xdist's "auto" counts physical cores, which is one on a two-core cloud machine: "logical" counts what we may use.
test: setup ## run every test, those in a real browser included
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal $(ARGS)

check: setup ## formatting, lint, strict types, floors, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tools
	$(BIN)/lint-imports
	$(BIN)/python tools/house_rules.py

pins: setup ## refresh requirements/*.txt from pyproject.toml
	CUSTOM_COMPILE_COMMAND="make pins" $(PIN) --output-file requirements/runtime.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make pins" $(PIN) --extra dev --output-file requirements/dev.txt \
		--constraint requirements/runtime.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make pins" $(PIN) --extra bench --output-file requirements/bench.txt \
		--constraint requirements/dev.txt pyproject.toml
	$(BIN)/python tools/house_rules.py

# What else does a session (Crawlee, Selenium) is installed here and nowhere else; without it those ways are left out.
bench: setup ## measure the runner against bare Playwright, Crawlee and Selenium
	@$(BIN)/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements/bench.txt || \
		echo "bench: Crawlee and Selenium could not be installed: they are left out" >&2
	@$(BIN)/python -m bench $(ARGS)

profile: setup ## draw where the runner's own processor time goes
	@$(BIN)/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements/bench.txt
	@$(BIN)/python -m bench.profile $(ARGS)

chaos: setup ## kill things while they work, and count what was lost or done twice
	@$(BIN)/python -m tests.chaos $(ARGS)

week: setup ## a simulated week of six accounts and 1,000 messages, judged by the ledger
	@$(BIN)/python -m tests.week $(ARGS)

screenshots: setup ## take the pictures of the documentation again
	@$(BIN)/python -m tools.screenshots
	@$(BIN)/python -m tools.console_pictures

clean: ## remove .venv and caches (profiles and screenshots stay)
	rm -rf .venv build dist runner.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find runner tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
