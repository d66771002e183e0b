# Every target calls cargo or one script.

CONFIG ?= configs/sample.toml
WORK ?= work
# auto | cpu | cuda
LIBTORCH_KIND ?= auto

BUILD := --release --locked
BIN := $(or $(CARGO_TARGET_DIR),target)/release
OPTIONS = --config $(CONFIG) --work $(WORK) $(ARGS)
BENCH := cargo bench --locked --workspace --features models/bandwidth
STAGES := fetch tokenize train evaluate
PROGRAMS := $(STAGES) train-worker evaluate-worker predict serve

.DEFAULT_GOAL := help
.PHONY: help check-tools libtorch build all $(STAGES) serve test parity parity-data bench bench-data dist clean

help: ## print this list
	@echo "usage: make TARGET [CONFIG=configs/sample.toml] [ARGS='--set section.key=value'] [WORK=work]"
	@sed -n 's/^\([a-z ]*\):.*## /  \1\t/p' Makefile | expand -t 34

check-tools:
	@command -v python3 > /dev/null || { echo "python3 is missing: run \`sudo apt install python3-pip\`" >&2; exit 1; }
	@command -v "$${CXX:-c++}" > /dev/null || { echo "a C++ compiler is missing: run \`sudo apt install g++\`" >&2; exit 1; }
	@command -v cargo > /dev/null || { echo "cargo is missing: install Rust as on https://rustup.rs" >&2; exit 1; }
	@need=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); have=$$(cargo --version | cut -d ' ' -f 2); \
	printf '%s\n' "$$need" "$$have" | sort -VC || \
	{ echo "cargo is $$have and has to be $$need or newer: run \`rustup update\`" >&2; exit 1; }

libtorch: check-tools ## install libtorch into .libtorch/, once [LIBTORCH_KIND=cpu|cuda]; LIBTORCH=DIR is used unchanged
	@python3 shared/models/libtorch/install.py --kind $(LIBTORCH_KIND)

build: libtorch ## build the programs into target/release
	@cargo build $(BUILD)

all: build ## run the four stages; results that are up to date are reused
	@for stage in $(filter-out evaluate,$(STAGES)); do $(BIN)/$$stage $(OPTIONS) > /dev/null || exit $$?; done; \
	exec $(BIN)/evaluate $(OPTIONS)

fetch tokenize train evaluate: build ## run one stage
	@$(BIN)/$@ $(OPTIONS)

serve: build ## serve the model of a finished training over HTTP [ARGS='--port 8080']
	@exec $(BIN)/serve $(OPTIONS)

test: libtorch ## check formatting and lints, run the unit tests and the whole pipeline
	cargo fmt --all --check
	cargo clippy $(BUILD) --workspace --all-targets --features models/bandwidth -- -D warnings
	cargo build $(BUILD)
	cargo test $(BUILD) --workspace
	echo 1 | $(BENCH) --bench step -- --model $(CURDIR)/tests/golden/gelu --batch 4 --seq 8
	echo 1 | $(BENCH) --bench bandwidth -- --numbers 1000

parity: parity-data build .parity/venv/installed ## compare with transformers: logits, steps, accuracies, files [PARITY_ARGS='--only PART']
	@.parity/venv/bin/python tests/parity/parity.py --bin $(BIN) $(PARITY_ARGS)

# Data comes first, here and in bench-data: without it, compiling and gigabytes of packages are wasted.
parity-data:
	@python3 tests/parity/setting.py $(PARITY_ARGS)

.parity/venv/installed: tests/parity/requirements.txt
	@rm -rf .parity/venv
	@python3 -m venv .parity/venv
	.parity/venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: bench-data build .parity/venv/installed ## compare speed with PyTorch, into bench/SPEED.md; on an idle machine [BENCH_ARGS='--only PART']
	@built=$$($(BENCH) --bench step --bench bandwidth --no-run --message-format=json) && \
	of() { printf "%s\n" "$$built" | sed -n "s|.*\"executable\":\"\([^\"]*/$$1-[^\"/]*\)\".*|\1|p"; } && \
	.parity/venv/bin/python bench/speed.py --bin $(BIN) --step-bench "$$(of step)" --bandwidth-bench "$$(of bandwidth)" $(BENCH_ARGS)

bench-data:
	@python3 bench/setting.py $(BENCH_ARGS)

dist: build ## pack the programs and their libraries into dist/*.tar.gz, for machines with nothing installed
	@deploy/dist.sh $(BIN) $(or $(LIBTORCH),.libtorch) $(PROGRAMS)

clean: ## delete built files; .libtorch and the work folder stay
	cargo clean
	rm -rf dist
