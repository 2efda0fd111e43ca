# Two commands do everything: `make demo` runs the main job, `make test` passes all tests. Each sets up what it needs.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := src tests setup docs bench attacks chaos
STAMPS := .cache/stamps

# Where it is set, each of some thousand processes compiles every module that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-interpreters check fast fuzz chaos coverage tree lock wheel sbom setup up down bench attack evaluate pictures clean \
	setup-ados train-ados train-plates evaluate-ados

help:  ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

demo: $(STAMPS)/demo  ## the main job: a stranger uses a model without seeing it, and its owner is paid
	@$(BIN)/sealgrid demo plates

# Tests of networks wait for blocks and processes: three of them use two cores.
test: $(STAMPS)/test check  ## set up everything and run all tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/vectors tests/meta tests/fuzz
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests/contracts tests/integration tests/e2e
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/browser

check: $(STAMPS)/test  ## format, lint, types, layers, dependencies
	@.cache/node .cache/biome/node_modules/@biomejs/biome/bin/biome ci --error-on-warnings --log-level=warn
	@$(BIN)/ruff format --check -q $(SOURCES)
	@$(BIN)/ruff check -q $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry --no-ansi .

fast: $(STAMPS)/test  ## the tests that take seconds
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/vectors tests/meta tests/fuzz

test-interpreters: $(STAMPS)/test  ## what depends on the interpreter, under every other supported Python that is here
	@$(BIN)/python -m setup.interpreters

fuzz: $(STAMPS)/test  ## new damaged bytes for every parser, SECONDS each (30), and many examples for each property
	@SEALGRID_FUZZ_SECONDS=$(or $(SECONDS),30) $(BIN)/python -m pytest -q -n 2 -o timeout=3600 tests/fuzz
	@SEALGRID_EXAMPLES=many $(BIN)/python -m pytest -q -n 2 -o timeout=3600 -m hypothesis tests/unit
	@SEALGRID_EXAMPLES=many $(BIN)/python -m pytest -q -n 2 -o timeout=3600 tests/contracts/test_judges_stateful.py \
		tests/contracts/test_matching_agrees.py tests/integration/test_pool_postgres.py

chaos: $(STAMPS)/test  ## SEEDS (200) simulations of a pool whose surroundings fail, then a network whose parts do (SEED)
	@SEALGRID_SEEDS=$(or $(SEEDS),200) $(BIN)/python -m pytest -q -o timeout=900 tests/unit/pool/test_simulation.py tests/unit/pool/test_replicated_simulation.py
	@$(BIN)/python -m chaos --seed $(or $(SEED),1)

coverage: $(STAMPS)/test  ## branch coverage of the fast tests, gated at what it is
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov --cov-branch --cov-report=term:skip-covered tests/unit tests/vectors tests/meta

wheel: $(STAMPS)/demo  ## build the wheel into build/wheel; RELEASE=1 refuses one that lacks digests of a supported Python
	@$(BIN)/python -m setup.shipped_digests $(if $(RELEASE),--release)
	@$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w build/wheel .

sbom: $(STAMPS)/test  ## write what a release consists of into build/sbom, as CycloneDX
	@$(BIN)/python -m setup.sbom

lock: $(STAMPS)/venv  ## derive requirements/*.txt from pyproject.toml
	@$(BIN)/python -m setup.lock

tree: $(STAMPS)/test  ## measure the source tree
	@$(BIN)/python -m setup.tree_metrics

setup: $(STAMPS)/test  ## set up everything without running anything

up: $(STAMPS)/demo  ## start a local network; Ctrl-C ends it
	@$(BIN)/sealgrid up

down:  ## end the local network
	@$(BIN)/sealgrid down

evaluate: $(STAMPS)/demo  ## how well the plate models read drawn scenes, for each country and disturbance: ten minutes
	@$(BIN)/python -m sealgrid.shipped_apps.plate_reader evaluate
	@$(BIN)/python -m sealgrid.shipped_apps.plate_reader compare

setup-ados: $(STAMPS)/ados  ## set up the environment in which ADOS is trained and evaluated: PyTorch, some 1.5 GB

train-ados: $(STAMPS)/ados  ## train the shipped model of ADOS anew, on drawn readings
	@$(BIN)/sealgrid ados generate --out build/ados/clean.csv
	@$(BIN)/sealgrid ados train build/ados/clean.csv --out build/ados
	@cp build/ados/model.onnx src/sealgrid/shipped_apps/ados/stations.onnx
	@cp build/ados/card.md src/sealgrid/shipped_apps/ados/stations_card.md

evaluate-ados: $(STAMPS)/ados  ## how well ADOS finds faults, beside other methods: ten minutes
	@$(BIN)/sealgrid ados evaluate --out build/ados

train-plates: $(STAMPS)/ados  ## train the model of European plates anew, on drawn pictures: half an hour
	@PYTHONPATH=src OMP_NUM_THREADS=1 .cache/ados/bin/python -m sealgrid.shipped_apps.plate_reader.training --folder build/plates
	@cp build/plates/latin_plates.zip build/plates/latin_plates_card.md src/sealgrid/shipped_apps/plate_reader/

clean:  ## remove what set-up made
	rm -rf .venv .cache

$(STAMPS)/venv: requirements/setup.txt
	@echo "setup: making the virtual environment"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "setup: Python 3.11, 3.12 or 3.13 is needed; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "setup: python3-venv is missing; install it with: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/venv requirements/demo.txt requirements/apps.txt src/sealgrid/localnet/downloads.toml setup/fetch.py src/sealgrid/localnet/downloads.py pyproject.toml
	@echo "setup: installing the locked packages"
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/demo.txt
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/build.txt
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python setup/fetch.py
	@$(BIN)/python -m sealgrid.shipped_apps.plate_reader build-model
	@echo "setup: compiling what the shipped apps import"
	@$(BIN)/python -c 'from sealgrid.bundle.interpreter import running_python; from sealgrid.sdk.operations.build import shipped_bundle; \
		[shipped_bundle(name, running_python()) for name in ("ados", "onnx-runner", "plate-reader")]'
	@touch $@

# PyTorch is pinned without a hash: its builds for processors alone and for graphics cards have the same version.
$(STAMPS)/ados: $(STAMPS)/demo requirements/ados.txt
	@echo "setup: installing PyTorch and what ADOS is compared with"
	@$(PYTHON) -m venv .cache/ados
	@.cache/ados/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/ados.txt
	@.cache/ados/bin/pip install -q --disable-pip-version-check torch==2.13.0
	@mkdir -p build/ados && touch $@

$(STAMPS)/test: $(STAMPS)/demo requirements/dev.txt src/sealgrid/localnet/downloads.toml \
		tests/iexec_client/package-lock.json setup/biome/package-lock.json
	@echo "setup: installing the locked development packages"
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/python setup/fetch.py tests
	@touch $@

$(STAMPS)/attack: $(STAMPS)/test
	@$(BIN)/python setup/fetch.py attacks
	@touch $@

bench: $(STAMPS)/test  ## measure the figures of docs/explanation/figures.md
	@$(BIN)/python -m bench

attack: $(STAMPS)/attack  ## let parts of a network lie, and write down what stopped them; run the long tests
	@$(BIN)/python -m attacks
	@$(BIN)/python -m attacks --gate
	@$(BIN)/python -m pytest -q -m long tests/e2e tests/integration
	@$(BIN)/python -m pytest -q -m long tests/browser

pictures: $(STAMPS)/test  ## make the README's pictures from a real run
	@$(BIN)/python docs/pictures/make.py
