# pktrail. `make help` lists the targets.

GO      ?= go
STATIC  := -trimpath -ldflags="-s -w"
LINT    := bin/lint
# Packages that are values and functions of values: they build anywhere.
PURE    := ./packet ./ruleset/... ./journey ./conntrack ./internal/event ./internal/logline \
           ./internal/envelope ./internal/logentry ./internal/tally ./internal/snapshot ./internal/syslogd ./internal/sysctl \
           ./internal/doctor ./internal/wire/... ./internal/match ./internal/correlate ./internal/explain ./internal/flows ./internal/render \
           ./internal/rules/... ./internal/inorder
FUZZTIME ?= 10s
# How many packages are tested at once: they wait as much as they compute.
ATONCE  ?= $(shell n=$$(nproc 2>/dev/null || echo 4); [ $$n -gt 4 ] && echo $$n || echo 4)

export CGO_ENABLED ?= 0

.PHONY: help build cross demo test test-all bench fuzz lint tidy clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## one static binary: bin/pktrail
	$(GO) build $(STATIC) -o bin/pktrail ./cmd/pktrail

cross: ## static binaries for linux/amd64 and linux/arm64 into dist/
	GOOS=linux GOARCH=amd64 $(GO) build $(STATIC) -o dist/pktrail-linux-amd64 ./cmd/pktrail
	GOOS=linux GOARCH=arm64 $(GO) build $(STATIC) -o dist/pktrail-linux-arm64 ./cmd/pktrail

demo: ## see it work; as root it first installs the rule tools that are missing
	@if [ "$$(id -u)" -eq 0 ]; then scripts/need-packages demo; fi
	@$(MAKE) --no-print-directory -s build
	@bin/pktrail demo

test: ## everything that must hold: vet, lint, all tests; as root it installs what they need
	@scripts/need-packages test
	$(GO) vet ./...
	@$(MAKE) --no-print-directory lint
	$(GO) test -C tools ./...
	$(GO) test -count=1 -p=$(ATONCE) -timeout=9m ./...

test-all: test cross ## test, and the whole corpus, the race detector, fuzzing and both static builds
	@scripts/need-packages race
	PKTRAIL_WHOLE=1 $(GO) test -count=1 -timeout=60m ./internal/collect ./ruleset/...
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout=30m ./...
	@$(MAKE) --no-print-directory fuzz

bench: ## measure against the peers, in the same run; then every benchmark
	@scripts/need-packages bench
	$(GO) test -v -count=1 -timeout=60m -run=TestNumbers ./internal/bench -full
	$(GO) test -count=1 -timeout=60m -run='^$$' -bench=. -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME (10s)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -d' ' -f2); do \
			echo "fuzz $$dir $$target"; \
			$(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=20x $$dir || exit 1; \
		done; \
	done

lint: ## gofmt, staticcheck and the other analysers of tools/lint; purity; shell scripts
	@bad=$$(gofmt -l $$(find . -name '*.go' -not -path './.git/*')); \
		if [ -n "$$bad" ]; then echo "gofmt -w $$bad"; exit 1; fi
	$(GO) build -C tools -o ../$(LINT) ./lint
	$(LINT) ./...
	GOOS=darwin $(GO) vet $(PURE)
	@for f in .ci/run scripts/*; do bash -n $$f || exit 1; done

tidy: ## go.mod and go.sum of both modules
	$(GO) mod tidy
	cd tools && $(GO) mod tidy

clean: ## remove what was built
	rm -rf bin dist
