# SPDX-License-Identifier: MIT
include config.mk

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wmissing-prototypes -Wvla \
           -Wstrict-prototypes -Wpointer-arith -Wundef $(WERROR)
# The hardening flags are those of Debian's own packages.
HARDENING = -fstack-protector-strong -D_FORTIFY_SOURCE=2
CPPFLAGS_ALL = -I. -D_GNU_SOURCE -DBULKHEAD_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL = -std=c17 -g $(OPTIMIZE) $(WARNINGS) $(if $(SANITIZE),,$(HARDENING)) \
             $(SANITIZE) -fno-omit-frame-pointer -pthread $(CFLAGS)
LDFLAGS_static = -static-pie
LDFLAGS_dynamic =
CFLAGS_ALL += $(if $(filter static,$(LINK)),-fPIE)
# nng's name look-up is for TCP, which nothing here uses; the linker warns of it in a static
# program (--no-warnings).
LDFLAGS_ALL = $(LDFLAGS_$(LINK)) $(SANITIZE) -pthread -Wl,--no-warnings $(LDFLAGS)
LIBS = -lnng -lmbedtls -lmbedx509 -lmbedcrypto -lfyaml -lev -lm -latomic

SOURCES := $(wildcard common/*.c topology/*.c ipc/*.c stages/*.c supervisor/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY_OBJECTS := $(filter-out $(BUILD)/supervisor/main.o,$(OBJECTS))
TEST_SOURCES := $(wildcard tests/unit/*_test.c tests/sim/*_test.c)
TEST_PROGRAMS := $(TEST_SOURCES:%.c=$(BUILD)/%)

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

.PHONY: all
all: $(BUILD)/bulkhead ## build the program (the default)

$(BUILD)/bulkhead: $(OBJECTS)
	$(call say,LINK,$@)$(CC) $(LDFLAGS_ALL) -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/%.o: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%_test: tests/%_test.c $(LIBRARY_OBJECTS) Makefile
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< \
	    $(LIBRARY_OBJECTS) $(SANITIZE) -pthread -Wl,--no-warnings $(LIBS) -lcmocka -lmsgpackc

.PHONY: tests
tests: $(TEST_PROGRAMS) $(BUILD)/bulkhead ## build the program and all test programs

.PHONY: test
test: tests ## run the tests; T=name runs those whose name holds it
	$(Q)tests/run $(if $(T),--only $(T)) $(BUILD)

.PHONY: asan
asan: ## run all tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory BUILD=build-asan LINK=dynamic OPTIMIZE=-O1 \
	    SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" test T=$(T)

.PHONY: clang
clang: ## build everything with clang, with the same warnings
	$(Q)$(MAKE) --no-print-directory BUILD=build-clang CC=clang tests

.PHONY: lint
lint: ## check the layers, the headers and the formatting
	$(Q)tests/lint

.PHONY: fmt
fmt: ## format all C files
	$(Q)clang-format-14 -i $$(git ls-files '*.c' '*.h')

.PHONY: install
install: $(BUILD)/bulkhead ## install under DESTDIR and PREFIX
	$(Q)install -D -m 755 $(BUILD)/bulkhead $(DESTDIR)$(PREFIX)/bin/bulkhead
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 man/*.1
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 man/*.5
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/bulkhead/topology topology/library/*

.PHONY: clean
clean: ## remove all that was built
	$(Q)rm -rf build build-*

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile | awk -F': ' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo "  V=1 shows the commands; BUILD=, CC=, LINK=dynamic, PREFIX= change what config.mk says"

-include $(OBJECTS:.o=.d) $(TEST_PROGRAMS:%=%.d)
