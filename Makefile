# SPDX-License-Identifier: MIT
include config.mk

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wmissing-prototypes -Wvla \
           -Wstrict-prototypes -Wpointer-arith -Wundef $(WERROR)
# The hardening flags are those of Debian's own packages.
HARDENING = -fstack-protector-strong -D_FORTIFY_SOURCE=2
CPPFLAGS_ALL = -I. -D_GNU_SOURCE -DBULKHEAD_VERSION='"$(VERSION)"' $(CPPFLAGS)
# Two clones give the same bytes, wherever they lie.
CFLAGS_ALL = -std=c17 -g -ffile-prefix-map=$(CURDIR)=. $(OPTIMIZE) $(WARNINGS) $(if $(SANITIZE),,$(HARDENING)) \
             $(SANITIZE) -fno-omit-frame-pointer -pthread $(CFLAGS)
# What ipc/link.c has in place of nng's own functions, and of what nng calls of the C library. nng's are in no header
# of it, so another version may be without them: then its own stand, and scripts/not-replaced says so.
NNG_REPLACED = nni_plat_ncpu nni_posix_resolv_sysinit
LDFLAGS_static = -static-pie $(patsubst %,-Wl$(comma)--wrap=%,$(NNG_REPLACED) socket getaddrinfo freeaddrinfo pthread_create) -Wl,-u,pthread_create
comma = ,
LDFLAGS_dynamic =
CFLAGS_ALL += $(if $(filter static,$(LINK)),-fPIE)
LDFLAGS_ALL = $(LDFLAGS_$(LINK)) $(SANITIZE) -pthread $(LDFLAGS)
# msgpack-c is libmsgpackc up to version 5, and libmsgpack-c after it.
MSGPACK := $(if $(findstring /,$(shell $(CC) -print-file-name=libmsgpack-c.so)),-lmsgpack-c,-lmsgpackc)
LIBS = $(MSGPACK) -lnng -lmbedtls -lmbedx509 -lmbedcrypto -lfyaml -lpcre2-8 -lev -lm -latomic

# Every C file in these folders is part of the program, however deep it lies.
SOURCES := $(sort $(shell find common topology ipc stages supervisor -name '*.c'))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY_OBJECTS := $(filter-out %/main.o,$(OBJECTS))
LIBRARY := $(BUILD)/libbulkhead.a
TEST_SOURCES := $(sort $(shell find tests/unit -name '*_test.c') $(wildcard tests/sim/*_test.c))
TEST_PROGRAMS := $(TEST_SOURCES:%.c=$(BUILD)/%)

# Bounds of common/bounds.h so small that a test meets all of them.
SMALL_BOUNDS = -DSTORE_UNDO_ENTRIES_MAX=512 -DSTORE_SHARD_SLOTS_FIRST=8 -DIMAGE_SHARDS=4 \
               -DSTORE_CHECKPOINT_LOG_BYTES_MIN=2048 -DSTORE_CHECKPOINT_TABLE_DIVISOR=1024 \
               -DSTORE_CHECKPOINT_PIECE_BYTES=512 -DSOURCE_READ_BYTES=1024 \
               -DSOURCE_RECORDS_PER_MARK=8 -DSOURCE_READS_PER_TURN=1 \
               -DSOURCE_BLANKS_PER_TURN=2 -DOUTPUT_FLUSH_BYTES=512 \
               -DOUTPUT_UNCOMMITTED_BYTES_MAX=2048 -DHOST_RECORDS_PER_TURN=24 \
               -DWINDOW_BYTES_MAX=4096 -DINBOX_BYTES_MAX=2048 -DFRAME_BYTES_TARGET=512 \
               -DFRAME_SEQS_MAX=16 -DQUIET_MANY_SEQS=6 -DHOST_RECORDS_PER_LOOK=2 -DJOURNAL_SEGMENT_BYTES=8192 -DJOURNAL_BLOCK_BYTES=4096 \
               -DWORKER_BLOCK_SEQS=4

# The simulation is linked from the real objects but for nng and the log; their calls of the system
# come to it.
# (-z now: with lazy binding, this linker leaves an empty relocation where a wrapped call was.)
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

# All but main(): a program with kinds of its own is a main() of a few lines and this.
$(LIBRARY): $(LIBRARY_OBJECTS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%_test: tests/%_test.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< \
	    $(LIBRARY) $(SANITIZE) -pthread $(LIBS) -lcmocka

# The programs with kinds that fail on purpose: see tests/faults/README.md.
FAULT_OBJECTS := $(patsubst %,$(BUILD)/tests/faults/%.o,main stages_main fault fault_kinds)
$(BUILD)/tests/bulkhead-faults: $(filter-out %/stages_main.o %/fault.o,$(FAULT_OBJECTS)) $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(BUILD)/tests/bulkhead-fault-stages: $(filter-out %/main.o,$(FAULT_OBJECTS)) $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

SIM_LIBRARY = $(filter-out %_loop.o %/link.o %/log.o %/standard_error.o $(BUILD)/supervisor/command/%,$(LIBRARY_OBJECTS))
$(SIM): $(SIM_OBJECTS) $(LIBRARY_OBJECTS) Makefile
	$(call say,TEST,$@)$(CC) -o $@ $(SIM_OBJECTS) $(SIM_LIBRARY) \
	    $(SIM_CALLS:%=-Wl,--wrap=%) -Wl,-z,now $(SANITIZE) -pthread -lfyaml -lpcre2-8 -lm $(MSGPACK)

# A tool of the tests that knows nothing of the program but its name.
$(BUILD)/tests/sweep/%: tests/sweep/%.c Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $<

# Random topologies as text: tests/graphs/.
$(BUILD)/tests/print_graph: tests/graphs/print_graph.c tests/graphs/random_graph.c tests/graphs/random_graph.h Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -o $@ $(filter %.c,$^)

.PHONY: tests
tests: $(TEST_PROGRAMS) $(BUILD)/tests/bulkhead-faults $(BUILD)/tests/bulkhead-fault-stages $(BUILD)/tests/sweep/kill_at $(BUILD)/tests/print_graph $(BUILD)/bulkhead ## build the program and all test programs

.PHONY: test
test: tests ## run the tests; T=NAME those whose name holds it, T=NAME:CASE one case of it
	$(Q)tests/run $(if $(T),--only '$(T)') $(BUILD)

.PHONY: asan
asan: ## run all tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory BUILD=build-asan LINK=dynamic OPTIMIZE=-O1 \
	    SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" test T="$(T)"

.PHONY: small
small: ## build the program and the simulation with tiny bounds, in build-small
	$(Q)$(MAKE) --no-print-directory BUILD=build-small OPTIMIZE=-O1 CPPFLAGS="$(SMALL_BOUNDS)" \
	    build-small/bulkhead build-small/tests/sim/pipeline_test \
	    build-small/tests/unit/stages/journal/journal_test

.PHONY: sim
sim: $(SIM) small ## play seeds of the simulation; ARGS="--minutes 10" and so on go to it
	$(Q)$(SIM) $(ARGS)
	$(Q)build-small/tests/sim/pipeline_test $(ARGS)

# What clang warns of it says before it makes code; that it makes code that links is seen in build-fuzz.
CLANG_SOURCES := $(SOURCES) $(TEST_SOURCES) $(SIM_OBJECTS:$(BUILD)/%.o=%.c) $(FAULT_OBJECTS:$(BUILD)/%.o=%.c) \
                 tests/sweep/kill_at.c tests/graphs/print_graph.c
CLANG_READ := $(addprefix build-clang/,$(sort $(CLANG_SOURCES:.c=.read)))
build-clang/%.read: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(call say,CLANG,$<)clang $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fsyntax-only -MMD -MP -MF $(@:.read=.d) -MT $@ $< && touch $@

.PHONY: clang
clang: $(CLANG_READ) ## have clang read everything, with the same warnings

# The program as it is, but for the link: calls of the C library can be made to fail.
.PHONY: dynamic
dynamic: build-dynamic/bulkhead ## link the objects of the program dynamically, in build-dynamic
build-dynamic/bulkhead: $(BUILD)/supervisor/command/main.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_dynamic) $(SANITIZE) -pie -pthread $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: chaos-long
chaos-long: $(BUILD)/bulkhead ## a campaign of kills; KILLS=50000 or HOURS=3 in the environment
	$(Q)tests/chaos/campaign $(BUILD)/bulkhead

.PHONY: long
long: tests small ## what is too long for CI: 20,000 kills, 500 random graphs, 10,200 seeds, all syscalls
	$(Q)tests/long

# The yardsticks of the benchmark share nothing with the program, and are static like it.
BENCH_TOOLS := $(patsubst %,$(BUILD)/tests/bench/%,limits_yajl rename_yajl paced)
$(BENCH_TOOLS): $(BUILD)/tests/bench/%: tests/bench/%.c tests/bench/yardstick.c tests/bench/yardstick.h Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< \
	    $(if $(filter %_yajl,$@),tests/bench/yardstick.c -lyajl_s)

# Single functions of the program, measured from within.
$(BUILD)/tests/bench/micro: $(BUILD)/tests/bench/micro.o $(LIBRARY)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PHONY: bench
bench: $(BUILD)/bulkhead ## the benchmark; ARGS="--quick", "--only W2,latency", "--runs N"
	$(Q)scripts/setup bench
	$(Q)$(MAKE) -s --no-print-directory $(BENCH_TOOLS)
	$(Q)tests/bench/run $(ARGS) $(BUILD)

# The fuzz targets, with all that they reach under clang's fuzzer and sanitizers, in build-fuzz. A hard
# pattern is given up early, or all that is tried would be of these; and lines come in many reads.
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
fuzz: fuzz-programs ## give all that parses what no one wrote; SECONDS=60 in all, T=name some of it
	$(Q)tests/fuzz/run --only "$(T)" --seconds $(or $(SECONDS),60) build-fuzz $(ARGS)

# What the tests reach. The counters of a program lie in a file that all its processes map (%m%c), so
# one that is killed has counted to its end. They are set before clang optimizes: no level changes them.
COVERAGE = -fprofile-instr-generate=$(CURDIR)/build-coverage/counters/%m%c.profraw -fcoverage-mapping
.PHONY: coverage
coverage: ## say what the tests reach, by room and by file, worst first; T= as for test
	$(Q)scripts/setup coverage
	$(Q)$(MAKE) --no-print-directory BUILD=build-coverage CC="$(CC:%gcc=%clang)" OPTIMIZE=-O1 \
	    CPPFLAGS="-mllvm -runtime-counter-relocation" SANITIZE="$(COVERAGE)" tests
	$(Q)rm -rf build-coverage/counters
	$(Q)code=0; tests/run $(if $(T),--only '$(T)') build-coverage || code=$$?; tests/coverage build-coverage && exit $$code

.PHONY: model
model: ## check the models of tests/model with Spin, and their mutants
	$(Q)tests/model/run

# What some target compiles, for tests/lint: it complains of every C file that is not in it.
.PHONY: print-sources
print-sources:
	@printf '%s\n' $(SOURCES) $(TEST_SOURCES) $(SIM_OBJECTS:$(BUILD)/%.o=%.c) $(FAULT_OBJECTS:$(BUILD)/%.o=%.c) \
	    $(FUZZ_SOURCES) $(BENCH_TOOLS:$(BUILD)/%=%.c) tests/bench/yardstick.c tests/bench/micro.c \
	    tests/sweep/kill_at.c tests/graphs/print_graph.c tests/graphs/random_graph.c

.PHONY: lint
lint: ## check the layers, the headers and the formatting
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

.PHONY: clean
clean: ## remove all that was built
	$(Q)rm -rf build build-*

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | awk -F': ' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo "  V=1 shows the commands; BUILD=, CC=, LINK=dynamic, PREFIX= change what config.mk says;"
	@echo "  WERROR=-Werror makes errors of warnings, as scripts/test does"

-include $(CLANG_READ:.read=.d) $(OBJECTS:.o=.d) $(FAULT_OBJECTS:.o=.d) $(TEST_PROGRAMS:%=%.d) $(SIM_OBJECTS:.o=.d) $(FUZZ_PROGRAMS:%=%.d)
