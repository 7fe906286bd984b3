# Thin on purpose: what is done is in Rust (`cargo xtask help`, `cargo run -p e2e -- --help`).

# Builds everything with one set of features: for a single package, cargo compiles many crates again.
BUILD = cargo build --workspace --all-targets --locked
BUILT = $${CARGO_TARGET_DIR:-target}/debug

.DEFAULT_GOAL := help
.PHONY: help demo test e2e bench package package-offline

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## Show the main job from detect to a reload, on this machine (needs Rust)
	@echo "The first time, this compiles for about two minutes on 2 cores, and about two more if GitHub is out of reach."
	cargo build --locked --package xtask --package watchexec-buildpack --package live-reload
	$(BUILT)/xtask demo

# Most tests wait for a program, so that more of them run at once than there are processors.
test: ## Check the formatting and the lints, run all tests, fuzz for 30 s (needs Rust and GNU tar)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BUILD)
	cargo test --workspace --locked -- --test-threads 6
	$(BUILT)/fuzz --seconds 30

e2e: ## Run the suite on pack, the lifecycle and Docker (needs Rust, Go, Maven, Python, and Debian or Ubuntu)
	$(BUILD)
	$(BUILT)/e2e

bench: ## Measure speed and size (needs Rust, curl, xz and tar; E2E=1: what e2e needs)
	cargo xtask bench
	$(if $(E2E),cargo run --locked --package e2e -- --bench)

package: ## Make the buildpack directory target/package/buildpack (needs Rust)
	cargo xtask package

package-offline: ## The same with watchexec inside: target/package/buildpack-offline (needs Rust)
	cargo xtask package --offline
