# Two commands for a new user: `make demo` and `make test`. Both create their environment in .venv first.
PYTHON ?= python3
BIN := .venv/bin
RUN := demo
ENGINE := $(RUN)/model/model.onnx

FUZZ_ROUNDS ?= 1000
FUZZ_KILLS ?= 10

.PHONY: help demo demo-clean test pytest test-attacks-other-cpu fuzz lint types house docs dist waymo-env clean
help:
	@echo "make demo   train, export, attack and report on the embedded simulator (about a quarter of an hour on two cores)"
	@echo "make test   lint, types and tests"
	@echo "make test-attacks-other-cpu  the attack tests with the instructions of an older processor"
	@echo "make lint   style of code and prose: ruff, codespell, and the words and fragments that the project avoids"
	@echo "make dist   build the wheel and the source archive into dist/"
	@echo "make house  measure the code: circles, names, documented arguments, mirrored tests (exit 1 if a limit is missed)"
	@echo "make docs   build the documentation site into site/; a broken link is an error"
	@echo "make fuzz   every reader with many damaged files, and runs killed at random moments (FUZZ_ROUNDS, FUZZ_KILLS)"
	@echo "make waymo-env  the official program of the Waymo Open Dataset in .venv-waymo, as oracle of the tests of metrics and points"
	@echo "make demo-clean  remove the demo's results, to start it again after the code has changed"
	@echo "make clean  remove the environment and the demo's results (not the simulator's cache)"

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.venv/core: pyproject.toml
	@echo "installing into .venv (about 6 GB: PyTorch with CUDA)"
	$(PYTHON) -m venv .venv
	$(PIP) -e '.[train,export,sim]'
	@touch $@

# References of the tests come without their pins: the nuScenes devkit declares numpy < 2, though its evaluation
# works on numpy 2; torchattacks declares a requests of 2020, which it does not use; Waymo's package declares TensorFlow
# 2.12, though its protos need protobuf only, and exists for Linux on x86-64 only.
.venv/dev: .venv/core
	$(PIP) -e '.[all,dev]'
	$(PIP) --no-deps nuscenes-devkit==1.2.0 descartes==1.1.0 torchattacks==3.5.1 \
		"waymo-open-dataset-tf-2-12-0==1.6.7; sys_platform == 'linux' and platform_machine == 'x86_64'"
	@touch $@

# Every step resumes: an interrupted demo goes on where it stopped.
demo: .venv/core
	$(BIN)/calico train --preset tiny --out $(RUN)/model --resume
	$(BIN)/calico export $(RUN)/model --out $(ENGINE) --overwrite
	$(BIN)/calico robust $(ENGINE) --attack-model $(RUN)/model --suite demo --out $(RUN)/robust --resume
	$(BIN)/calico report $(RUN)/robust

test: lint types pytest

pytest: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# Rounding differs between kinds of processors, and attacks amplify it: the tests of attacks must pass with either.
test-attacks-other-cpu: .venv/dev
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" tests/calico_eval/attacks

fuzz: .venv/dev
	FUZZ_ROUNDS=$(FUZZ_ROUNDS) FUZZ_MEMORY_GIB=4 FUZZ_KILLS=$(FUZZ_KILLS) OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n 2 --dist loadfile tests/fuzz

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python -m benchmarks.prose
	$(BIN)/python -m benchmarks.house

types: .venv/dev
	$(BIN)/mypy

# Structure, names, documentation, mirrored tests and the README's size, against the limits that the project keeps.
house:
	$(PYTHON) -m benchmarks.house

# Warnings count as errors: broken links and anchors, pages outside of the navigation, undocumented arguments.
.venv/docs: .venv/core
	$(PIP) -e '.[docs]'
	@touch $@

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: .venv/dev
	rm -rf build dist
	$(BIN)/python -m build

# The last official package runs with TensorFlow 2.13, and so with Python 3.8 to 3.11, beside none of our own packages.
# It needs an x86-64 Linux. Only the parts of its dependencies that the metrics use are installed.
WAYMO_PYTHON ?= python3.11
waymo-env: .venv-waymo/ready
.venv-waymo/ready:
	$(WAYMO_PYTHON) -m venv .venv-waymo
	.venv-waymo/bin/pip install --quiet --disable-pip-version-check tensorflow-cpu==2.13.1
	.venv-waymo/bin/pip install --quiet --disable-pip-version-check --no-deps waymo-open-dataset-tf-2-12-0==1.6.7
	.venv-waymo/bin/python -c "from waymo_open_dataset.metrics.ops import py_metrics_ops"
	@touch $@

demo-clean:
	rm -rf $(RUN)

clean:
	rm -rf .venv .venv-waymo $(RUN) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache
