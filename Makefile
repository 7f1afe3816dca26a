# make demo       every runbook against the embedded server
# make test       all tests; those that need Postfix are skipped where it is missing
# make postfix    a private Postfix on loopback, and the command line to use it

GO     ?= go
BIN    := bin/smtplay
FUZZ   ?= 30s
SOURCE := $(shell find cmd engine dsl scripts -name '*.go' -o -name '*.lua' -o -name '*.md') go.mod go.sum

.PHONY: demo test postfix lint vuln bench fuzz golden cross same man

# Static, as the releases are: the loader of shared libraries is a tenth of what a short script costs.
$(BIN): $(SOURCE)
	CGO_ENABLED=0 $(GO) build -o $@ ./cmd/smtplay

demo: $(BIN)
	$(BIN) run --demo

test:
	$(GO) test -race -timeout 14m ./...

postfix: $(BIN)
	$(GO) build -o bin/lab ./cmd/lab
	bin/lab

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# The list of known faults comes from the network.
vuln:
	$(GO) tool govulncheck ./...

bench:
	$(GO) test -run '^$$' -bench . -benchtime 5x ./cmd/smtplay
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v cmd/smtplay)

# Go fuzzes one target at a time.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
		done; \
	done

golden:
	$(GO) test ./engine/report ./engine/paste ./cmd/smtplay ./dsl -update

# Every system that there are releases for compiles, and go vet compiles the tests: on no other system
# are they built here.
cross: export CGO_ENABLED := 0
cross:
	@for os in windows darwin freebsd openbsd; do \
		echo "GOOS=$$os"; GOOS=$$os $(GO) build -o /dev/null ./... && GOOS=$$os $(GO) vet ./... || exit 1; \
	done

# Two builds of one commit are the same bytes, wherever the sources lie (.goreleaser.yaml builds so). The
# second finds nothing in Go's cache that the first has left there.
RELEASE := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -buildid='
same:
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
	$(RELEASE) -buildvcs=false -o "$$work/one" ./cmd/smtplay && \
	mkdir "$$work/elsewhere" && tar cf - --exclude ./bin --exclude ./.git . | tar xf - -C "$$work/elsewhere" && \
	(cd "$$work/elsewhere" && GOCACHE="$$work/cache" $(RELEASE) -buildvcs=false -o "$$work/two" ./cmd/smtplay) && \
	cmp "$$work/one" "$$work/two" && echo "two builds, the same bytes"

man: $(BIN)
	$(BIN) man bin/man
