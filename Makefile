# make            the tools, in build/bin
# make SAN=1      the same with address and undefined sanitizers, in build/san
# make check      everything that needs no broker; make test: everything
# make install    PREFIX (/usr/local), DESTDIR; make uninstall takes back exactly that

PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= -O2 -g
PKGS = rdkafka jansson libxxhash
WARN = -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Wformat=2 -Werror
VERSION := 0.1.0

ifdef SAN
B := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B := build
SANFLAGS :=
endif

PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Ilib $(WARN) $(CFLAGS) $(SANFLAGS) $(PKG_CFLAGS) \
    -DBATCH_VERSION='"$(VERSION)"'
ALL_LDFLAGS = $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -Wl,--as-needed

PURE_SRC := $(wildcard lib/base/*.c lib/batch/*.c)
LIB_SRC := $(wildcard lib/*/*.c)
CMD_SRC := $(wildcard cmd/*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
TOOLS := $(CMD_SRC:cmd/%.c=%)
BINS := $(TOOLS:%=$(B)/bin/%)
UNITS := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

all: $(BINS)

# Objects depend on the flags they were compiled with.
$(B)/flags: FORCE | $(B)/
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/libpure.a: $(call obj,$(PURE_SRC))
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/libbatch.a: $(call obj,$(LIB_SRC))
	@rm -f $@ && $(AR) rcs $@ $^

$(B)/bin/%: $(B)/obj/cmd/%.o $(B)/libbatch.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -o $@

# The unit tests link the pure rooms only: a forbidden call there is a link error here.
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libpure.a
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(shell pkg-config --libs jansson libxxhash cmocka) -o $@

%/:
	@mkdir -p $@

unit: $(UNITS)

clean:
	rm -rf build/obj build/bin build/unit build/san build/*.a build/flags

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all unit clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
