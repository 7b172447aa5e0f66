# SPDX-License-Identifier: MIT
# The commands of every day. The build itself is CMake's: see CMakeLists.txt for its options.
BUILD ?= build
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
RUN_FLAGS ?= --top 10
MAKEFLAGS += --no-print-directory

demo = $(BUILD)/demo
configure = cmake --log-level=NOTICE -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release
make = cmake --build $(BUILD) --parallel $(JOBS)

help:                     ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/make \1	\2/p' Makefile | expand -t 16

run: program              ## install what is missing, build, and run a grid of 1,024 trials on a demo market
	@test -f $(demo)/wfo.yaml || $(BUILD)/bin/sheaf demo $(demo)
	$(BUILD)/bin/sheaf run $(demo)/wfo.yaml $(RUN_FLAGS)

program:
	@deploy/setup run
	$(configure) -DSHEAF_TESTS=OFF
	$(make)

tests:
	@deploy/setup test
	$(configure) -DSHEAF_TESTS=ON
	$(make)

test: tests               ## install what is missing, build, and run all tests
	ctest --test-dir $(BUILD) --parallel $$(($(JOBS) * 2)) --output-on-failure

bench: tests              ## compare with other runners, as one table; first `bench/setup build/peers` to have them all
	@python=$(BUILD)/peers/bin/python; test -x $$python || python=$$(sed -n 's/^SHEAF_TEST_PYTHON:.*=//p' $(BUILD)/CMakeCache.txt); \
		$$python -B bench/bench.py --build $(BUILD) $(BENCH_FLAGS)

fuzz:                     ## search for inputs that break the decoders, FUZZ_SECONDS (600) each
	@deploy/setup ci
	tools/fuzz build-fuzz $(FUZZ_SECONDS)

soak: tests               ## the long forms of the tests: hours; SOAK="sim chaos" for some of them
	tools/soak $(BUILD) $(SOAK)

format:                   ## format the C files
	@deploy/setup ci
	tools/format

lint:                     ## clang-tidy, cppcheck, shellcheck
	@deploy/setup ci
	tools/lint

install: program          ## install below PREFIX (/usr/local)
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:                    ## remove everything that was built
	rm -rf build build-*

.PHONY: help run program tests test bench fuzz soak format lint install clean
