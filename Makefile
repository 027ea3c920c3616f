# make            the tools, in build/bin
# make SAN=1      the same with address and undefined sanitizers, in build/san
# make check      everything that needs no broker; make test: everything
# make test-newest  the tests that need a broker, with the newest librdkafka (tests/kafka/newer.sh)
# make check-fresh  demo and test in bare trees of Debian; as root
# make fuzz       each fuzzer for a minute (FUZZ_TIME=SECONDS); needs clang
# make torture    random kills, races and faults for twenty minutes
# make bench      how fast, and beside what; make bench-quick: in two minutes; make scale: what grows how
# make install    PREFIX (/usr/local), DESTDIR; make uninstall takes back exactly that, with the folders it made

PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= -O2 -g
PKGS = rdkafka jansson libxxhash
WARN = -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wformat=2 -Werror
VERSION := 0.1.0

ifdef FUZZ
CC := clang
B := build/fuzz
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else ifdef SAN
B := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B := build
SANFLAGS :=
endif

# What is missing is told by setup.sh, so pkg-config need not.
pkg = $(shell pkg-config $(1) 2>/dev/null)
PKG_CFLAGS := $(call pkg,--cflags $(PKGS))
PKG_LIBS := $(call pkg,--libs $(PKGS))
LOOK = CC='$(CC)' tests/setup.sh look
# An allocator that gives back what another thread took at less cost: a fifth of the time of a send.
# Left out where there is none, and under sanitizers, which bring their own. It needs no symbol of us.
MIMALLOC := $(if $(SAN)$(FUZZ),,$(shell echo 'int main(void) { return 0; }' | \
    $(CC) -x c - -lmimalloc -o /dev/null 2>/dev/null && echo -Wl,--no-as-needed -lmimalloc))
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Ilib $(WARN) $(CFLAGS) $(SANFLAGS) $(PKG_CFLAGS) \
    -DBATCH_VERSION='"$(VERSION)"'
ALL_LDFLAGS = $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -Wl,--as-needed

PURE_SRC := $(wildcard lib/base/*.c lib/batch/*.c)
LIB_SRC := $(wildcard lib/*/*.c)
CMD_SRC := $(wildcard cmd/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
TOOLS := $(CMD_SRC:cmd/%.c=%)
TOOLTEST_SRC := $(wildcard tests/tool/*.c)
KAFKATEST_SRC := $(wildcard tests/kafka-units/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
BINS := $(TOOLS:%=$(B)/bin/%)
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
TOOLTESTS := $(TOOLTEST_SRC:tests/tool/%.c=$(B)/tooltest/%)
KAFKATESTS := $(KAFKATEST_SRC:tests/kafka-units/%.c=$(B)/kafkatest/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/bin/fuzz-%)
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

all: $(BINS)

# Objects depend on the flags they were compiled with. Those of a first build, or other ones, are used only when
# what the compiler needs is there.
FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PKG_LIBS) $(MIMALLOC)
$(B)/flags: FORCE | $(B)/
	@echo '$(FLAGS)' | cmp -s - $@ || { $(LOOK) build && echo '$(FLAGS)' > $@; }

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/libpure.a: $(call obj,$(PURE_SRC))
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/libbatch.a: $(call obj,$(LIB_SRC))
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/bin/%: $(B)/obj/cmd/%.o $(B)/libbatch.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(ALLOCATOR) -o $@

# Those that move records; the others are gone before it would pay.
$(B)/bin/batch-send $(B)/bin/batch-consume: ALLOCATOR := $(MIMALLOC)

# The unit tests link the pure rooms only: a forbidden call there is a link error here.
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libpure.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(call pkg,--libs jansson libxxhash cmocka) -o $@

# Those of lib/tool start processes and write files; no broker either.
$(B)/tooltest/%: $(B)/obj/tests/tool/%.o $(B)/libbatch.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(call pkg,--libs cmocka) -o $@

# Those of lib/kafka need one: tests/kafka-units.bats runs them.
$(B)/kafkatest/%: $(B)/obj/tests/kafka-units/%.o $(B)/libbatch.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(call pkg,--libs cmocka) -o $@

# With FUZZ=1 only: what takes texts from outside, which is the pure rooms and the configuration.
$(B)/bin/fuzz-%: $(B)/obj/tests/fuzz/%.o $(call obj,$(wildcard lib/tool/*.c)) $(B)/libpure.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ $(call pkg,--libs jansson libxxhash) -o $@

%/:
	@mkdir -p $@

unit: $(UNITS) $(TOOLTESTS) $(KAFKATESTS)

kafka-units: $(KAFKATESTS)

check:
	@$(LOOK) check
	@$(MAKE) --no-print-directory all unit
	@tests/check.sh $(B)

fuzzers: $(FUZZERS)

FUZZ_TIME ?= 60
fuzz:
	@tests/fuzz/run.sh $(FUZZ_TIME)

# The floor under the tools has the same allocator, and once more the C library's.
BENCH := $(addprefix $(B)/bench/,floor-send floor-send-libc floor-consume floor-consume-libc fill measure)
$(B)/bench/floor-send $(B)/bench/floor-consume $(B)/bench/fill: ALLOCATOR := $(MIMALLOC)

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/obj/tests/bench/bare.o
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(call pkg,--libs rdkafka) $(ALLOCATOR) -o $@

$(B)/bench/%-libc: $(B)/obj/tests/bench/%.o $(B)/obj/tests/bench/bare.o
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(call pkg,--libs rdkafka) -o $@

$(B)/bench/measure: $(B)/obj/tests/bench/measure.o
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ -o $@

bench-programs: all $(BENCH)

bench bench-quick scale:
	@tests/setup.sh bench
	@$(MAKE) --no-print-directory bench-programs
	@tests/bench/$(@:-quick=).py $(if $(filter %-quick,$@),--quick) $(BENCHFLAGS)

# These do all their own set-up, so they need nothing built before.
test:
	@tests/run.sh

torture:
	@tests/torture.sh

demo:
	@tests/demo.sh

test-newest:
	@tests/run.sh --newest

check-fresh:
	@tests/fresh.sh $(FRESHFLAGS)

broker:
	@tests/kafka/broker.sh run build/broker

DOC = $(DESTDIR)$(PREFIX)/share
INSTALLED = $(TOOLS:%=bin/%) $(MAN1:man/%=share/man/man1/%) $(MAN5:man/%=share/man/man5/%) \
    $(MAN7:man/%=share/man/man7/%) $(TOOLS:%=share/bash-completion/completions/%) \
    share/zsh/site-functions/_batch $(TOOLS:%=share/fish/vendor_completions.d/%.fish) \
    lib/systemd/system/batch-work@.service $(PROFILES:share/%=share/batchutils/%)
RECORD = $(DOC)/batchutils/folders
PROFILES := $(wildcard share/profiles/*)
MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)

# The folders that are not there yet, without DESTDIR; those above them, too.
MISSING = for d in $(sort $(dir $(INSTALLED:%=$(PREFIX)/%))); do d=$${d%/}; \
    while [ ! -d "$(DESTDIR)$$d/" ]; do echo "$$d/"; \
        [ "$$d" != "$${d%/*}" ] || break; d=$${d%/*}; done; done

install: all
	@made=$$($(MISSING)) && install -d $(DOC)/batchutils && \
	    for d in $$made; do echo "$$d" >> $(RECORD); done
	install -d $(DESTDIR)$(PREFIX)/bin $(DOC)/man/man1 $(DOC)/man/man5 $(DOC)/man/man7 \
	    $(DOC)/bash-completion/completions $(DOC)/zsh/site-functions \
	    $(DOC)/fish/vendor_completions.d $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DOC)/batchutils/profiles
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MAN1) $(DOC)/man/man1
	install -m 644 $(MAN5) $(DOC)/man/man5
	install -m 644 $(MAN7) $(DOC)/man/man7
	install -m 644 completions/_batch $(DOC)/zsh/site-functions
	install -m 644 $(PROFILES) $(DOC)/batchutils/profiles
	sed 's,/usr/local/,$(PREFIX)/,' share/batch-work@.service > \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/batch-work@.service
	for t in $(TOOLS); do \
	    install -m 644 completions/batch.bash $(DOC)/bash-completion/completions/$$t && \
	    install -m 644 completions/batch.fish $(DOC)/fish/vendor_completions.d/$$t.fish \
	    || exit 1; done
	@echo "The systemd unit is $(PREFIX)/lib/systemd/system/batch-work@.service; to use it write /etc/batch/work.env,"
	@echo "then systemctl daemon-reload && systemctl enable --now batch-work@1: see SYSTEMD in batch-work(1)."

uninstall:
	@made=$$(sort -ru $(RECORD) 2>/dev/null); \
	    rm -f $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%) $(RECORD) && \
	    for d in $$made $(PREFIX)/share/batchutils/profiles $(PREFIX)/share/batchutils; do \
	        rmdir "$(DESTDIR)$$d" 2>/dev/null || true; done
	@echo "systemctl daemon-reload makes systemd forget the unit batch-work@.service."


# What was fetched stays, Kafka and a newer librdkafka: no products of this tree.
clean:
	rm -rf build/obj build/bin build/unit build/tooltest build/kafkatest build/san build/clang build/fuzz \
	    build/bench build/broker build/*.a build/flags

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all unit kafka-units check fuzzers fuzz test test-newest check-fresh torture demo broker install uninstall clean \
    bench bench-quick bench-programs scale FORCE
.DELETE_ON_ERROR:
.SECONDARY:
