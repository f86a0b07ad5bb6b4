# SPDX-License-Identifier: GPL-2.0-or-later
# The one Makefile of Thaw. `make help` lists the targets; V=1 shows whole commands; everything is built in build/.

B       ?= build
NASM    ?= nasm
CLANG   ?= clang
PYTHON  ?= /usr/bin/python3
ifeq ($(origin CC),default)
CC      := gcc
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes \
            -Wold-style-definition -Wswitch-enum -Wformat=2 -Wpointer-arith -Wcast-align -Wwrite-strings
COMMON   := -std=gnu11 -g -I. -MMD -MP $(WARNINGS)
STATIC_LIBS = $(shell $(CC) -print-file-name=liblzo2.a)
TEST_LIBS   = $(STATIC_LIBS) $(shell $(CC) -print-file-name=liblz4.a) $(shell $(CC) -print-file-name=libz.a)

.DEFAULT_GOAL := all
.PHONY: all help clean unit fuzz
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

# --- the BIOS loader -------------------------------------------------------------------------------------------

LOADER_DIRS := boot handoff loader mm drivers drivers/ata drivers/nvme drivers/virtio disk image lib
OFFSETS_C   := handoff/offsets.c
LOADER_C    := $(filter-out $(OFFSETS_C),$(sort $(wildcard $(LOADER_DIRS:%=%/*.c))))
LOADER_ASM  := $(sort $(wildcard $(LOADER_DIRS:%=%/*.asm)))
LOADER_OBJ  := $(LOADER_C:%.c=$(B)/loader/%.o) $(LOADER_ASM:%.asm=$(B)/loader/%.asm.o)
LOADER_CFLAGS := $(COMMON) -Oz -m64 -march=x86-64 -mgeneral-regs-only -mno-red-zone -ffreestanding -fno-builtin-strlen \
            -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
            -fcf-protection=none -ffunction-sections -fdata-sections -Wframe-larger-than=1024
LOADER_LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --gc-sections --fatal-warnings \
            --orphan-handling=error --build-id=none

all: $(B)/thaw.elf $(B)/thawx64.efi $(B)/thaw $(B)/session-record ## build both loaders and the host programs (the default)

$(B)/thaw.elf: $(LOADER_OBJ) linker.ld boot/symbols.txt
	$(call say,LD,$@)$(LD) $(LOADER_LDFLAGS) -T linker.ld -Map=$(B)/thaw.map -o $@.debug $(LOADER_OBJ) $(STATIC_LIBS)
	$(Q)objcopy --strip-all --keep-symbols=boot/symbols.txt $@.debug $@

# What looks at every byte or page is worth its size.
PER_PAGE := image/swsusp_map image/swsusp_pfns mm/frame_set loader/restore_pages
$(PER_PAGE:%=$(B)/loader/%.o): LOADER_CFLAGS += -O2
$(B)/loader/lib/crc32.o: LOADER_CFLAGS += -O2 -funroll-loops
# -Oz pays for small constants with instructions, in loops too.
PER_BYTE := image/lz4_compress image/inflate loader/save_write
$(PER_BYTE:%=$(B)/loader/%.o): LOADER_CFLAGS += -Os

$(B)/loader/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(LOADER_CFLAGS) -c -o $@ $<

$(B)/loader/%.asm.o: %.asm $(B)/offsets.inc
	@mkdir -p $(@D)
	$(call say,NASM,$<)$(NASM) -f elf64 -g -F dwarf -Werror -I./ -I$(B)/ -MD $(@:.o=.d) -MP -o $@ $<

# --- the UEFI loader: the same sources, position independent, without what is a PC's alone --------------------------

EFI_DIRS     := boot/efi drivers/efi loader/efi
EFI_HEADERS  := -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI -fshort-wchar
EFI_LIBS     := $(shell $(CC) -print-file-name=libgnuefi.a)
EFI_CRT0     := $(shell $(CC) -print-file-name=crt0-efi-x86_64.o)
EFI_ONLY   := $(sort $(wildcard $(EFI_DIRS:%=%/*.c) $(EFI_DIRS:%=%/*.asm)))
BIOS_ONLY    := $(wildcard boot/*.c boot/entry.asm boot/save_entry.asm handoff/linux.asm handoff/session.asm) \
                $(wildcard drivers/ata/* drivers/nvme/* drivers/virtio/* loader/save*.c loader/linux*.c) \
                drivers/pit.c drivers/font.c $(wildcard drivers/screen*.c) loader/console_devices.c loader/disks.c \
                loader/file_read.c loader/kernel_files.c loader/leave.c loader/memory.c loader/normal.c \
                loader/dump_file.c loader/restore_core.c loader/restore_dump.c loader/restore_session.c
EFI_SOURCES  := $(filter-out $(BIOS_ONLY),$(LOADER_C) $(LOADER_ASM)) $(EFI_ONLY)
EFI_OBJ      := $(EFI_SOURCES:%=$(B)/efi/%.o)
EFI_CFLAGS   := $(filter-out -fno-pic -fno-pie,$(LOADER_CFLAGS)) -fpie -fvisibility=hidden $(EFI_HEADERS)
EFI_LDFLAGS  := -nostdlib -pie --no-dynamic-linker -Bsymbolic -z noexecstack -z text --gc-sections --build-id=none \
                --fatal-warnings --orphan-handling=error

$(B)/thawx64.efi: $(EFI_OBJ) boot/efi/linker.ld
	$(call say,LD,$@)$(LD) $(EFI_LDFLAGS) -T boot/efi/linker.ld -Map=$(B)/thawx64.map -o $@.debug $(EFI_CRT0) $(EFI_OBJ) \
		$(STATIC_LIBS) $(EFI_LIBS)
	$(Q)objcopy -j .text -j .reloc -j .data -j .dynamic -j .rela -j .dynsym -j .bss --output-target=efi-app-x86_64 $@.debug $@

$(PER_PAGE:%=$(B)/efi/%.c.o): EFI_CFLAGS += -O2
$(B)/efi/lib/crc32.c.o: EFI_CFLAGS += -O2 -funroll-loops

$(B)/efi/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(EFI_CFLAGS) -c -o $@ $<

$(B)/efi/%.asm.o: %.asm $(B)/offsets.inc
	@mkdir -p $(@D)
	$(call say,NASM,$<)$(NASM) -f elf64 -g -F dwarf -Werror -I./ -I$(B)/ -MD $(@:.o=.d) -MP -o $@ $<

# Structure offsets for the assembler, taken from the compiler.
$(B)/offsets.inc: $(OFFSETS_C)
	@mkdir -p $(@D)
	$(call say,OFFSETS,$@)$(CC) $(filter-out -g,$(LOADER_CFLAGS)) -MF $(B)/offsets.d -MT $@ -S -o $(B)/offsets.s $<
	$(Q)sed -n 's/^.*->\([A-Z0-9_]*\) \$$*\(-\{0,1\}[0-9]*\).*/%define \1 \2/p' $(B)/offsets.s >$@

# --- the same sources on the host: unit tests and fuzzers --------------------------------------------------------

HOST_EXCLUDED := lib/string.c drivers/io.c drivers/pit.c drivers/timer.c loader/main.c $(wildcard boot/exceptions.c handoff/*.c)
HOST_EFI_C    := $(filter-out drivers/efi/timer.c drivers/efi/firmware_cpu.c,$(wildcard drivers/efi/*.c)) \
                 boot/efi/options.c loader/efi/location.c loader/efi/open_memory.c
HOST_C        := $(filter-out $(HOST_EXCLUDED),$(LOADER_C)) $(HOST_EFI_C)
SANITIZE      := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_CFLAGS   := $(COMMON) -O1 -fno-omit-frame-pointer $(SANITIZE)
UNIT          := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_SUPPORT  := $(patsubst %.c,$(B)/host/%.o,$(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c)))

$(HOST_EFI_C:%.c=$(B)/host/%.o) $(B)/host/tests/unit/fake_efi.o $(B)/host/tests/unit/efi_block_rig.o $(B)/unit/test_efi%: HOST_CFLAGS += $(EFI_HEADERS)
$(HOST_EFI_C:%.c=$(B)/fuzzobj/%.o) $(B)/fuzz/fuzz_efi: FUZZ_CFLAGS += $(EFI_HEADERS)

$(B)/host/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)$(CC) $(HOST_CFLAGS) -c -o $@ $<

$(B)/host/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$<)$(NASM) -f elf64 -g -F dwarf -Werror -I./ -MD $(@:.o=.d) -MP -o $@ $<

# Assembler that runs in user space too.
HOST_ASM := $(wildcard lib/*.asm)

# Of the host command: what is pure, and what reads files below a root that tests choose.
TOOL_PURE_C := tools/acpi_fadt.c tools/acpi_s5.c tools/boot_params.c tools/elf_plan.c tools/extents.c tools/findings.c \
               tools/image_way.c tools/kexec_places.c tools/mounts.c \
               tools/frame_map.c tools/grub_cfg.c tools/image_facts.c tools/json.c tools/procfs.c \
               tools/result_record.c tools/session_words.c tools/status_checks.c tools/status_grub.c tools/status_location.c tools/words.c
TOOL_TREE_C := tools/grub_switch.c tools/here.c tools/program.c tools/session_collect.c tools/session_compare.c tools/session_place.c tools/system.c tools/system_disk.c tools/system_grub.c tools/tree.c
SESSION_DISK_C := disk/ext_state.c disk/filesystem.c disk/session_record.c disk/swap_area.c disk/uuid.c lib/crc32.c \
          lib/crc32c.c
TOOL_C := $(wildcard tools/thaw*.c image/*.c) $(TOOL_PURE_C) $(TOOL_TREE_C) $(SESSION_DISK_C) disk/raid.c \
         loader/options.c loader/reasons.c mm/memory_map.c mm/page_tables.c

# Of the program that writes the record of a session's filesystems.
SESSION_C := tools/session_main.c tools/thaw_say.c $(TOOL_PURE_C) $(TOOL_TREE_C) $(SESSION_DISK_C) loader/options.c \
          loader/reasons.c mm/memory_map.c mm/page_tables.c

$(B)/host/libthaw.a: $(HOST_C:%.c=$(B)/host/%.o) $(TOOL_PURE_C:%.c=$(B)/host/%.o) $(TOOL_TREE_C:%.c=$(B)/host/%.o) \
		$(B)/host/tools/thaw_say.o $(B)/host/tools/thaw_progress.o $(HOST_ASM:%.asm=$(B)/host/%.asm.o) $(UNIT_SUPPORT)
	$(call say,AR,$@)rm -f $@; $(AR) rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/host/libthaw.a
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(HOST_CFLAGS) -MF $@.d -o $@ $< $(B)/host/libthaw.a $(TEST_LIBS) -lcmocka

$(B)/host/file_extract: tests/files/file_extract.c $(B)/host/libthaw.a
	$(call say,TEST,$<)$(CC) $(HOST_CFLAGS) -MF $@.d -o $@ $< $(B)/host/libthaw.a $(TEST_LIBS)

# The whole command, to be fed with what is not good.
$(B)/host/thaw: $(TOOL_C:%.c=$(B)/host/%.o) $(B)/host/lib/crc32_clmul.asm.o
	$(call say,LD,$@)$(CC) $(SANITIZE) -o $@ $^ $(STATIC_LIBS)

$(B)/host/session-record: $(SESSION_C:%.c=$(B)/host/%.o) $(B)/host/lib/crc32_clmul.asm.o
	$(call say,LD,$@)$(CC) $(SANITIZE) -o $@ $^

unit: $(UNIT) $(B)/host/file_extract $(B)/host/thaw $(B)/host/session-record ## build and run the unit tests
	$(Q)tests/files/test_files.py $(B)/host/file_extract $(B)/files
	$(Q)tests/tool/test_tool.py $(B)/host/thaw $(B)/tool-images
	$(Q)$(PYTHON) -B tests/tool/test_session_record.py $(B)/host/session-record tools/systemd/thaw
	$(Q)$(PYTHON) -B tests/grub/test_generator.py
	$(Q)failed=0; for t in $(UNIT); do $$t >$$t.log 2>&1 || { failed=1; cat $$t.log; }; \
	printf '  %-8s %s: %s passed\n' UNIT $${t##*/} $$(grep -c '^\[       OK \]' $$t.log); done; exit $$failed

FUZZ        := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS := $(COMMON) -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_SECONDS ?= 60

$(B)/fuzzobj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CLANG,$<)$(CLANG) $(FUZZ_CFLAGS) -c -o $@ $<

$(B)/fuzzobj/libthaw.a: $(HOST_C:%.c=$(B)/fuzzobj/%.o) $(TOOL_PURE_C:%.c=$(B)/fuzzobj/%.o) \
		$(TOOL_TREE_C:%.c=$(B)/fuzzobj/%.o) $(B)/fuzzobj/tools/thaw_say.o $(HOST_ASM:%.asm=$(B)/host/%.asm.o)
	$(call say,AR,$@)rm -f $@; $(AR) rcs $@ $^

$(B)/fuzz/%: tests/fuzz/%.c $(B)/fuzzobj/libthaw.a
	@mkdir -p $(@D)
	$(call say,FUZZER,$<)$(CLANG) $(filter-out -fsanitize=fuzzer-no-link$(,)%,$(FUZZ_CFLAGS)) -fsanitize=fuzzer,address,undefined -MF $@.d -o $@ $< $(B)/fuzzobj/libthaw.a $(TEST_LIBS)

# Each target gets its share of FUZZ_SECONDS; new inputs go to build/corpus.
$(FUZZ:%=%.run): %.run: %
	@mkdir -p $(B)/corpus/$(*F)
	$(call say,FUZZ,$(*F))$< -max_total_time=$$(( ($(FUZZ_SECONDS) + $(words $(FUZZ)) - 1) / $(words $(FUZZ)) )) \
		-artifact_prefix=$(B)/corpus/$(*F)- -verbosity=0 -print_final_stats=1 $(B)/corpus/$(*F) \
		$(wildcard tests/fuzz/corpus/$(patsubst fuzz_%,%,$(*F))) \
		>$<.log 2>&1 || { cat $<.log; exit 1; }

fuzz: $(FUZZ:%=%.run) ## run every fuzz target for a share of FUZZ_SECONDS

.PHONY: $(FUZZ:%=%.run)

# --- checks ------------------------------------------------------------------------------------------------------

BUILD_PACKAGES := gcc make binutils nasm libc6-dev liblzo2-dev liblz4-dev gnu-efi
DEB_PACKAGES   := debhelper dpkg-dev lintian
GUEST_PACKAGES := qemu-system-x86 qemu-utils seabios grub-pc-bin grub-common mmdebstrap e2fsprogs fdisk \
                  debian-archive-keyring python3
CHECK_PACKAGES := libcmocka-dev zlib1g-dev makedumpfile e2fsprogs dosfstools mtools clang llvm libclang-rt-14-dev clang-format clang-tidy cppcheck python3-pytest \
                  python3-pytest-xdist python3-lz4 liblzo2-2 \
                  bc bison flex libelf-dev lz4 perl xz-utils \
                  ovmf grub-efi-amd64-bin grub-efi-amd64-signed shim-signed $(DEB_PACKAGES)
SHARD ?= 1/1

packages-build: ## install what `make` needs
	$(Q)tools/install-packages $(BUILD_PACKAGES)

packages-demo: ## install what `make demo` needs
	$(Q)tools/install-packages $(BUILD_PACKAGES) $(GUEST_PACKAGES)

packages-check: ## install what `make check` and `make bench` need
	$(Q)tools/install-packages $(BUILD_PACKAGES) $(GUEST_PACKAGES) $(CHECK_PACKAGES)

demo: packages-demo ## hibernate a Debian guest, then resume it with Linux and with Thaw, side by side
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(PYTHON) tests/qemu/demo.py $(B)/thaw.elf

check: packages-check ## everything a change must pass: build, unit tests, fuzzing, scenarios
	$(Q)$(PYTHON) tests/check.py --build $(B)

check-full: packages-check ## the whole matrix of scenarios; SHARD=i/n runs a part
	$(Q)$(PYTHON) tests/check.py --build $(B) --full --shard $(SHARD)

bench: packages-check ## measure Thaw against Linux's own resume; PARTS="resume jump" measures only these
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(PYTHON) tests/qemu/bench.py $(B)/thaw.elf $(PARTS)

layers: all ## check that no room of the house calls where it must not
	$(Q)$(PYTHON) tests/layers.py $(B)/loader
	$(Q)$(PYTHON) tests/layers.py $(B)/efi

lint: ## static analysis: clang's compiler, clang-tidy, cppcheck, gcc -fanalyzer, clang-format
	$(Q)tests/lint.sh loader $(LOADER_C) $(filter %.c,$(EFI_ONLY))
	$(Q)tests/lint.sh tools $(wildcard tools/*.c)

# 128 KiB were enough until the save role, writing drivers and packers came in.
size: all ## check that thaw.elf is under 160 KiB
	$(Q)bytes=$$(stat -c %s $(B)/thaw.elf); echo "thaw.elf: $$bytes bytes"; [ $$bytes -lt 163840 ]

.PHONY: packages-build packages-demo packages-check demo check check-full bench layers lint size

# --- the host command --------------------------------------------------------------------------------------------

$(B)/tool/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,TOOLCC,$<)$(CC) $(COMMON) -O2 -c -o $@ $<

$(B)/thaw: $(TOOL_C:%.c=$(B)/tool/%.o) $(B)/host/lib/crc32_clmul.asm.o
	$(call say,LD,$@)$(CC) -o $@ $^ $(STATIC_LIBS)

$(B)/session-record: $(SESSION_C:%.c=$(B)/tool/%.o) $(B)/host/lib/crc32_clmul.asm.o
	$(call say,LD,$@)$(CC) -o $@ $^

PREFIX  ?= /usr
DESTDIR ?=

install: all ## install the loader, its GRUB entry, the attempt guard and the command below DESTDIR
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) tools/install.sh install $(B)

uninstall: ## take away what install put there
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) tools/install.sh uninstall

.PHONY: install uninstall

# --- the Debian package ------------------------------------------------------------------------------------------

DEB_TREE := $(B)/deb/tree

packages-deb: ## install what `make deb` needs
	$(Q)tools/install-packages $(BUILD_PACKAGES) $(DEB_PACKAGES)

# In a copy, so that nothing is left in this tree.
deb: packages-deb ## build the Debian package build/deb/thaw_VERSION_amd64.deb and have lintian look at it
	@rm -rf $(B)/deb && mkdir -p $(DEB_TREE)
	$(Q)tar -c --exclude=./.git --exclude=./build --exclude=__pycache__ . | tar -x -C $(DEB_TREE)
	$(call say,DEB,$(B)/deb)cd $(DEB_TREE) && unset B V MAKEFLAGS && dpkg-buildpackage -b -us -uc -jauto >../build.log 2>&1 || \
		{ tail -n 40 ../build.log; exit 1; }
	$(call say,LINTIAN,$(B)/deb)lintian --fail-on error,warning --info $(B)/deb/*.changes
	@rm -rf $(DEB_TREE)

.PHONY: packages-deb deb

clean: ## remove build/
	rm -rf $(B)

-include $(shell find $(B) -path $(B)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
