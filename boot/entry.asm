; SPDX-License-Identifier: GPL-2.0-or-later
;
; The way in from GRUB: the Multiboot2 header (Multiboot2 specification 2.0, 3.1) and the step from 32-bit protected
; mode to long mode (Intel SDM volume 3A, 10.8.5). No policy: boot_start goes on.

%define MULTIBOOT2_MAGIC        0xE85250D6
%define MULTIBOOT2_I386         0
%define MULTIBOOT2_LOADED       0x36D76289
%define TAG_CONSOLE_FLAGS       4
%define TAG_FRAMEBUFFER         5
%define TAG_MODULE_ALIGN        6
%define TAG_END                 0
%define TAG_OPTIONAL            1
%define CONSOLE_EGA_TEXT        (1 << 1)

%define CPUID_EXTENDED_MAX      0x80000000
%define CPUID_EXTENDED          0x80000001
%define CPUID_EDX_NX            20
%define CPUID_EDX_LONG_MODE     29

%define CR0_PE                  (1 << 0)
%define CR0_MP                  (1 << 1)
%define CR0_NE                  (1 << 5)
%define CR0_WP                  (1 << 16)
%define CR0_PG                  (1 << 31)
%define CR4_PAE                 (1 << 5)
%define CR4_OSFXSR              (1 << 9)
%define CR4_OSXMMEXCPT          (1 << 10)
%define MSR_EFER                0xC0000080
%define EFER_LME                (1 << 8)
%define EFER_NXE                (1 << 11)

%define PTE_PRESENT             (1 << 0)
%define PTE_WRITE               (1 << 1)
%define PTE_LARGE               (1 << 7)
%define LARGE_PAGE_SHIFT        21
%define BOOT_TABLES_GIB         4

%define COM1                    0x3F8
%define COM_LSR                 5
%define COM_LSR_THRE            (1 << 5)
%define VGA_TEXT                0xB8000
%define VGA_WHITE_ON_RED        0x4F

extern boot_start

global multiboot2_entry
global boot_gdt_pointer
global loader_stack_top

section .multiboot2 alloc noexec nowrite progbits align=8
header:
	dd MULTIBOOT2_MAGIC
	dd MULTIBOOT2_I386
	dd header_end - header
	dd 0x100000000 - (MULTIBOOT2_MAGIC + MULTIBOOT2_I386 + (header_end - header))
align 8
	dw TAG_MODULE_ALIGN, 0
	dd 8
align 8
	; Text is welcome, and so is any graphic mode; without the second tag GRUB goes back to text mode.
	dw TAG_CONSOLE_FLAGS, TAG_OPTIONAL
	dd 12
	dd CONSOLE_EGA_TEXT
align 8
	dw TAG_FRAMEBUFFER, TAG_OPTIONAL
	dd 20
	dd 0, 0, 0
align 8
	dw TAG_END, 0
	dd 8
header_end:

section .bss alloc noexec write nobits align=4096
boot_pml4:	resb 4096
boot_pdpt:	resb 4096
boot_pds:	resb 4096 * BOOT_TABLES_GIB
loader_stack:	resb 65536
loader_stack_top:

section .rodata alloc noexec nowrite progbits align=8
gdt:
	dq 0
	dq 0
	dq 0x00AF9B000000FFFF	; 0x10: 64-bit code
	dq 0x00CF93000000FFFF	; 0x18: flat data
gdt_end:
boot_gdt_pointer:
	dw gdt_end - gdt - 1
	dq gdt
message_not_multiboot2:	db "thaw: not started by a multiboot2 loader; halted", 0
message_no_long_mode:	db "thaw: this CPU has no 64-bit mode with NX; halted", 0

section .text alloc exec nowrite progbits align=16
bits 32

; 32-bit protected mode, flat, paging off, interrupts off (Multiboot2 3.3).
; IN eax = magic, ebx = physical address of the information. No stack. Does not return.
multiboot2_entry:
	cli
	cld
	cmp	eax, MULTIBOOT2_LOADED
	mov	esi, message_not_multiboot2
	jne	halt_with_message
	mov	ebp, ebx		; cpuid overwrites ebx

	mov	eax, CPUID_EXTENDED_MAX
	cpuid
	mov	esi, message_no_long_mode
	cmp	eax, CPUID_EXTENDED
	jb	halt_with_message
	mov	eax, CPUID_EXTENDED
	cpuid
	bt	edx, CPUID_EDX_LONG_MODE
	jnc	halt_with_message
	bt	edx, CPUID_EDX_NX
	jnc	halt_with_message

	; Identity tables of the first 4 GiB; the boot loader zeroed our bss.
	mov	dword [boot_pml4], boot_pdpt + (PTE_PRESENT | PTE_WRITE)
	xor	ecx, ecx
	mov	eax, boot_pds + (PTE_PRESENT | PTE_WRITE)
.pdpt:
	mov	[boot_pdpt + ecx * 8], eax
	add	eax, 4096
	inc	ecx
	cmp	ecx, BOOT_TABLES_GIB
	jb	.pdpt
	xor	ecx, ecx
.pd:
	mov	eax, ecx
	shl	eax, LARGE_PAGE_SHIFT
	or	eax, PTE_PRESENT | PTE_WRITE | PTE_LARGE
	mov	[boot_pds + ecx * 8], eax
	inc	ecx
	cmp	ecx, 512 * BOOT_TABLES_GIB
	jb	.pd

	mov	eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT
	mov	cr4, eax
	mov	eax, boot_pml4
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME | EFER_NXE
	wrmsr
	mov	eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE
	mov	cr0, eax
	lgdt	[boot_gdt_pointer]
	jmp	0x10:long_mode_entry

; IN esi = NUL-terminated text. Shows it on VGA text and COM1 and halts: without long mode no kernel can be started
; either, and without Multiboot2 nothing is known of the machine.
halt_with_message:
	mov	edi, VGA_TEXT
.next:
	lodsb
	test	al, al
	jz	.halt
	mov	ah, VGA_WHITE_ON_RED
	stosw
	mov	bl, al
	mov	ecx, 0x10000		; bounded: the port may not exist
.wait:
	mov	dx, COM1 + COM_LSR
	in	al, dx
	test	al, COM_LSR_THRE
	loopz	.wait
	mov	dx, COM1
	mov	al, bl
	out	dx, al
	jmp	.next
.halt:
	hlt
	jmp	.halt

bits 64

; Long mode, identity mapped. IN ebp = Multiboot2 information.
long_mode_entry:
	mov	eax, 0x18
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lldt	ax
	mov	esp, loader_stack_top
	mov	edi, ebp
	xor	ebp, ebp
	call	boot_start
	ud2				; boot_start does not return
