# SPDX-License-Identifier: MIT
include config.mk

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wmissing-prototypes -Wvla \
           -Wstrict-prototypes -Wpointer-arith -Wundef $(WERROR)
# The hardening flags are those of Debian's own packages.
HARDENING = -fstack-protector-strong -D_FORTIFY_SOURCE=2
CPPFLAGS_ALL = -I. -D_GNU_SOURCE -DBULKHEAD_VERSION='"$(VERSION)"' $(CPPFLAGS)
# Builds in two directories give the same bytes.
CFLAGS_ALL = -std=c17 -g -ffile-prefix-map=$(CURDIR)=. $(OPTIMIZE) $(WARNINGS) $(if $(SANITIZE),,$(HARDENING)) \
             $(SANITIZE) -fno-omit-frame-pointer -pthread $(CFLAGS)
# Functions that ipc/link.c replaces: some of nng's own, and some of the C library that nng calls. nng's are not in its
# headers, so another version may not have them. Then its own remain, and scripts/not-replaced prints a note.
NNG_REPLACED = nni_plat_ncpu nni_posix_resolv_sysinit
LDFLAGS_static = -static-pie $(patsubst %,-Wl$(comma)--wrap=%,$(NNG_REPLACED) socket getaddrinfo freeaddrinfo pthread_create) -Wl,-u,pthread_create
comma = ,
LDFLAGS_dynamic =
CFLAGS_ALL += $(if $(filter static,$(LINK)),-fPIE)
LDFLAGS_ALL = $(LDFLAGS_$(LINK)) $(SANITIZE) -pthread $(LDFLAGS)
# The library of msgpack-c is called libmsgpackc up to version 5 and libmsgpack-c from version 6 on.
MSGPACK := $(if $(findstring /,$(shell $(CC) -print-file-name=libmsgpack-c.so)),-lmsgpack-c,-lmsgpackc)
LIBS = $(MSGPACK) -lnng -lmbedtls -lmbedx509 -lmbedcrypto -lfyaml -lpcre2-8 -lev -lm -latomic

# Every C file in these folders and their subfolders is part of the program.
SOURCES := $(sort $(shell find common topology ipc stages supervisor -name '*.c'))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY_OBJECTS := $(filter-out %/main.o,$(OBJECTS))
LIBRARY := $(BUILD)/libbulkhead.a
TEST_SOURCES := $(sort $(shell find tests/unit -name '*_test.c') $(wildcard tests/sim/*_test.c))
TEST_PROGRAMS := $(TEST_SOURCES:%.c=$(BUILD)/%)

# Values for the bounds of common/bounds.h that are so small that a test reaches all of them.
SMALL_BOUNDS = -DSTORE_UNDO_ENTRIES_MAX=512 -DSTORE_SHARD_SLOTS_FIRST=8 -DIMAGE_SHARDS=4 \
               -DSTORE_CHECKPOINT_LOG_BYTES_MIN=2048 -DSTORE_CHECKPOINT_TABLE_DIVISOR=1024 \
               -DSTORE_CHECKPOINT_PIECE_BYTES=512 -DSOURCE_READ_BYTES=1024 \
               -DSOURCE_RECORDS_PER_MARK=8 -DSOURCE_READS_PER_TURN=1 \
               -DSOURCE_BLANKS_PER_TURN=2 -DOUTPUT_FLUSH_BYTES=512 \
               -DOUTPUT_UNCOMMITTED_BYTES_MAX=2048 -DHOST_RECORDS_PER_TURN=24 \
               -DWINDOW_BYTES_MAX=4096 -DINBOX_BYTES_MAX=2048 -DFRAME_BYTES_TARGET=512 \
               -DFRAME_SEQS_MAX=16 -DQUIET_MANY_SEQS=6 -DHOST_RECORDS_PER_LOOK=2 -DJOURNAL_SEGMENT_BYTES=8192 -DJOURNAL_BLOCK_BYTES=4096 \
               -DWORKER_BLOCK_SEQS=4

# The simulation is linked from the real objects, except for nng and the log. It intercepts their system calls.
# (-z now: with lazy binding, this linker leaves an empty relocation in place of a wrapped call.)
SIM = $(BUILD)/tests/sim/pipeline_test
SIM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/sim_*.c) tests/graphs/random_graph.c) $(SIM).o
SIM_CALLS = openat close pread __pread_chk pwrite fdatasync sync_file_range fsync ftruncate fstat fstatat faccessat \
            linkat renameat unlinkat mkdirat flock fdopendir readdir closedir realpath __realpath_chk \
            getcwd __getcwd_chk getpid splice fstatfs stat lstat statx readlink inotify_init1 \
            clock_gettime getrandom poll __poll_chk ppoll __ppoll_chk send recv __recv_chk fcntl memfd_create mmap mremap munmap \
            fallocate malloc calloc realloc free runner_take

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

.PHONY: all
all: $(BUILD)/bulkhead ## build the program (the default)

$(BUILD)/bulkhead: $(BUILD)/supervisor/command/main.o $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
	$(Q)scripts/not-replaced $(LINK) "$$($(CC) -print-file-name=libnng.a)" $(NNG_REPLACED)

# Everything but main(). A program with its own kinds consists of this and a main() of a few lines.
$(LIBRARY): $(LIBRARY_OBJECTS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%_test: tests/%_test.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< \
	    $(LIBRARY) $(SANITIZE) -pthread $(LIBS) -lcmocka

# Programs with kinds that fail on purpose, see tests/faults/README.md.
FAULT_OBJECTS := $(patsubst %,$(BUILD)/tests/faults/%.o,main stages_main fault fault_kinds)
$(BUILD)/tests/bulkhead-faults: $(filter-out %/stages_main.o %/fault.o,$(FAULT_OBJECTS)) $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(BUILD)/tests/bulkhead-fault-stages: $(filter-out %/main.o,$(FAULT_OBJECTS)) $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

SIM_LIBRARY = $(filter-out %_loop.o %/link.o %/log.o %/standard_error.o $(BUILD)/supervisor/command/%,$(LIBRARY_OBJECTS))
$(SIM): $(SIM_OBJECTS) $(LIBRARY_OBJECTS) Makefile
	$(call say,TEST,$@)$(CC) -o $@ $(SIM_OBJECTS) $(SIM_LIBRARY) \
	    $(SIM_CALLS:%=-Wl,--wrap=%) -Wl,-z,now $(SANITIZE) -pthread -lfyaml -lmbedcrypto -lpcre2-8 -lm $(MSGPACK)

# A test tool that uses nothing of the program but its name.
$(BUILD)/tests/sweep/%: tests/sweep/%.c Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $<

# Prints random topologies, see tests/graphs/.
$(BUILD)/tests/print_graph: tests/graphs/print_graph.c tests/graphs/random_graph.c tests/graphs/random_graph.h Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $(filter %.c,$^)

.PHONY: tests
tests: $(TEST_PROGRAMS) $(BUILD)/tests/bulkhead-faults $(BUILD)/tests/bulkhead-fault-stages $(BUILD)/tests/sweep/kill_at $(BUILD)/tests/print_graph $(BUILD)/bulkhead ## build the program and all test programs

.PHONY: test
test: tests ## run the tests; T=NAME: some, by name; T=NAME:CASE: one case
	$(Q)tests/run $(if $(T),--only '$(T)') $(BUILD)

.PHONY: asan
asan: ## run all tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory BUILD=build-asan LINK=dynamic OPTIMIZE=-O1 \
	    SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" test T="$(T)"

.PHONY: small
small: ## build program and simulation with tiny bounds, in build-small
	$(Q)$(MAKE) --no-print-directory BUILD=build-small OPTIMIZE=-O1 CPPFLAGS="$(SMALL_BOUNDS)" \
	    build-small/bulkhead build-small/tests/sim/pipeline_test \
	    build-small/tests/unit/stages/journal/journal_test \
	    build-small/tests/unit/stages/journal/journal_owner_test

.PHONY: sim
sim: $(SIM) small ## simulate runs, a seed each; ARGS="--minutes 10" are its options
	$(Q)$(SIM) $(ARGS)
	$(Q)build-small/tests/sim/pipeline_test $(ARGS)

# clang reports its warnings before it generates code, so this does not generate any; build-fuzz compiles and links.
CLANG_SOURCES := $(SOURCES) $(TEST_SOURCES) $(SIM_OBJECTS:$(BUILD)/%.o=%.c) $(FAULT_OBJECTS:$(BUILD)/%.o=%.c) \
                 tests/sweep/kill_at.c tests/graphs/print_graph.c
CLANG_READ := $(addprefix build-clang/,$(sort $(CLANG_SOURCES:.c=.read)))
build-clang/%.read: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(call say,CLANG,$<)clang $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fsyntax-only -MMD -MP -MF $(@:.read=.d) -MT $@ $< && touch $@

.PHONY: clang
clang: $(CLANG_READ) ## check all files with clang, with the same warnings

# The same objects linked dynamically, so that tests can make calls of the C library fail.
.PHONY: dynamic
dynamic: build-dynamic/bulkhead ## link the program dynamically, in build-dynamic
build-dynamic/bulkhead: $(BUILD)/supervisor/command/main.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_dynamic) $(SANITIZE) -pie -pthread $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: chaos-long
chaos-long: $(BUILD)/bulkhead ## run a campaign of kills; set KILLS=50000 or HOURS=3
	$(Q)tests/chaos/campaign $(BUILD)/bulkhead

# 20,000 kills, 500 random graphs, 10,200 seeds, and the death of a stage at every system call.
.PHONY: long
long: tests small ## run what is too long for CI: kills, graphs, seeds, syscalls
	$(Q)tests/long

# The programs that the benchmark compares with share no code with the program, and are static like it.
BENCH_TOOLS := $(patsubst %,$(BUILD)/tests/bench/%,limits_yajl rename_yajl paced)
$(BENCH_TOOLS): $(BUILD)/tests/bench/%: tests/bench/%.c tests/bench/yardstick.c tests/bench/yardstick.h Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< \
	    $(if $(filter %_yajl,$@),tests/bench/yardstick.c -lyajl_s)

# Measures single functions of the program.
$(BUILD)/tests/bench/micro: $(BUILD)/tests/bench/micro.o $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PHONY: bench
bench: $(BUILD)/bulkhead ## run benchmarks; ARGS="--quick", "--only W2,latency", "--runs N"
	$(Q)scripts/setup bench
	$(Q)$(MAKE) -s --no-print-directory $(BENCH_TOOLS)
	$(Q)tests/bench/run $(ARGS) $(BUILD)

# The fuzz targets, built with clang's fuzzer and sanitizers in build-fuzz. Costly patterns are given up
# early, because the fuzzer would try nothing else; and lines arrive in many small reads.
FUZZ_BOUNDS = -DPATTERN_STEPS_MAX=500000 -DSOURCE_READ_BYTES=1024 -DSOURCE_READS_PER_TURN=1
FUZZ_SOURCES := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_PROGRAMS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
$(FUZZ_PROGRAMS): %: %.o $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

.PHONY: fuzz-programs
fuzz-programs: ## build the fuzz targets of tests/fuzz
	$(Q)$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang LINK=dynamic OPTIMIZE=-O1 CPPFLAGS="$(FUZZ_BOUNDS)" \
	    SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
	    $(FUZZ_SOURCES:%.c=build-fuzz/%)

.PHONY: fuzz
fuzz: fuzz-programs ## fuzz all parsers; SECONDS=60 in all; T=NAME: some, by name
	$(Q)tests/fuzz/run --only "$(T)" --seconds $(or $(SECONDS),60) build-fuzz $(ARGS)

# Test coverage. The counters of a program are in a file that all its processes map (%m%c), so the counts
# of a killed process are complete. They are inserted before clang optimizes, so the level does not change them.
COVERAGE = -fprofile-instr-generate=$(CURDIR)/build-coverage/counters/%m%c.profraw -fcoverage-mapping
.PHONY: coverage
coverage: ## show coverage by folder and file, worst first; T= as for test
	$(Q)scripts/setup coverage
	$(Q)$(MAKE) --no-print-directory BUILD=build-coverage CC="$(CC:%gcc=%clang)" OPTIMIZE=-O1 \
	    CPPFLAGS="-mllvm -runtime-counter-relocation" SANITIZE="$(COVERAGE)" tests
	$(Q)rm -rf build-coverage/counters
	$(Q)code=0; tests/run $(if $(T),--only '$(T)') build-coverage || code=$$?; tests/coverage build-coverage && exit $$code

.PHONY: model
model: ## check the models of tests/model and their mutants with Spin
	$(Q)tests/model/run

# All C files that some target compiles. tests/lint reports every C file that is missing here.
.PHONY: print-sources
print-sources:
	@printf '%s\n' $(SOURCES) $(TEST_SOURCES) $(SIM_OBJECTS:$(BUILD)/%.o=%.c) $(FAULT_OBJECTS:$(BUILD)/%.o=%.c) \
	    $(FUZZ_SOURCES) $(BENCH_TOOLS:$(BUILD)/%=%.c) tests/bench/yardstick.c tests/bench/micro.c \
	    tests/sweep/kill_at.c tests/graphs/print_graph.c tests/graphs/random_graph.c

.PHONY: lint
lint: ## check layers, headers and formatting
	$(Q)tests/lint

.PHONY: fmt
fmt: ## format all C files
	$(Q)clang-format-14 -i $$(git ls-files '*.c' '*.h')

# Where the shells look for completion.
COMPLETIONS = bash-completion/completions zsh/site-functions fish/vendor_completions.d

.PHONY: install
install: $(BUILD)/bulkhead ## install under DESTDIR and PREFIX
	$(Q)install -D -m 755 $(BUILD)/bulkhead $(DESTDIR)$(PREFIX)/bin/bulkhead
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 man/*.1
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 man/*.5
	$(Q)sed -i 's,/usr/local/,$(PREFIX)/,' $(DESTDIR)$(PREFIX)/share/man/man[15]/bulkhead*.[15]
	$(Q)mkdir -p $(COMPLETIONS:%=$(DESTDIR)$(PREFIX)/share/%)
	$(Q)$(BUILD)/bulkhead completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bulkhead
	$(Q)$(BUILD)/bulkhead completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bulkhead
	$(Q)$(BUILD)/bulkhead completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/bulkhead.fish
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/bulkhead/topology topology/library/*
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/bulkhead LICENSE CHANGES.md docs/*.md
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/bulkhead/how-to docs/how-to/*.md
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/bulkhead/decisions docs/decisions/*.md
	@echo "installed under $(DESTDIR)$(PREFIX): bin/bulkhead, share/man, share/doc/bulkhead, share/bulkhead, completion"

.PHONY: clean
clean: ## remove everything that was built
	$(Q)rm -rf build build-*

.PHONY: help
help: ## show this list
	@echo "usage: make [VARIABLE=VALUE]... [TARGET]..." && echo
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r name text; do \
	    printf '  %-13s %s\n' "$$name" "$$text"; done
	@echo
	@echo "  V=1 shows the commands; BUILD=, CC=, LINK=dynamic, PREFIX= override config.mk;"
	@echo "  WERROR=-Werror turns warnings into errors, as scripts/test does"

-include $(CLANG_READ:.read=.d) $(OBJECTS:.o=.d) $(FAULT_OBJECTS:.o=.d) $(TEST_PROGRAMS:%=%.d) $(SIM_OBJECTS:.o=.d) $(FUZZ_PROGRAMS:%=%.d)
