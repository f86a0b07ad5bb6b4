; SPDX-License-Identifier: GPL-2.0-or-later
;
; The jump into the normal kernel by the 64-bit boot protocol (Linux: Documentation/arch/x86/boot.rst, "64-bit Boot
; Protocol"). Position independent.

%include "offsets.inc"

%define BOOT_CS     0x10
%define BOOT_DS     0x18
%define CR4_PGE     7
%define CR4_PCIDE   17

global handoff_linux_jump
global thaw_stop_linux

section .text alloc exec nowrite progbits align=16
bits 64

; 64-bit mode, this code and the sealed structure identity mapped in the current tables and in the structure's own.
; IN rdi = struct handoff_linux. CLOBBERS everything. The stack is the structure's own. May not fault: the IDT is empty,
; so that a fault resets the machine. Does not return.
handoff_linux_jump:
	cli
	cld
	mov	rbp, rdi
	mov	rax, cr4
	btr	rax, CR4_PGE
	btr	rax, CR4_PCIDE
	mov	cr4, rax
	mov	rax, [rbp + HANDOFF_LINUX_PAGE_TABLES]
	mov	cr3, rax

	lea	rsp, [rbp + HANDOFF_LINUX_STACK_END]
	push	0
	push	0
	lidt	[rsp]			; limit 0, base 0
	lea	rax, [rel gdt]
	push	rax
	sub	rsp, 8
	mov	word [rsp + 6], gdt_end - gdt - 1
	lgdt	[rsp + 6]
	mov	eax, BOOT_DS
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lldt	ax
	push	BOOT_CS
	lea	rax, [rel .selectors_loaded]
	push	rax
	o64 retf
.selectors_loaded:

	lea	r8, [rbp + HANDOFF_LINUX_COPIES]
	mov	r9, [rbp + HANDOFF_LINUX_COPY_COUNT]
.copy:
	test	r9, r9
	jz	.copied
	mov	rdi, [r8 + HANDOFF_LINUX_COPY_DESTINATION]
	mov	rsi, [r8 + HANDOFF_LINUX_COPY_SOURCE]
	mov	rcx, [r8 + HANDOFF_LINUX_COPY_LENGTH]
	test	rsi, rsi
	jz	.zero
	mov	rax, rdi
	sub	rax, rsi
	cmp	rax, rcx		; unsigned: only a destination inside the source's bytes is below
	jb	.backward
	rep	movsb
	jmp	.next
.backward:
	lea	rdi, [rdi + rcx - 1]
	lea	rsi, [rsi + rcx - 1]
	std
	rep	movsb
	cld
	jmp	.next
.zero:
	xor	eax, eax
	rep	stosb
.next:
	add	r8, HANDOFF_LINUX_COPY_BYTES
	dec	r9
	jmp	.copy

.copied:
	mov	rsi, [rbp + HANDOFF_LINUX_BOOT_PARAMS]
	mov	rax, [rbp + HANDOFF_LINUX_ENTRY]
	xor	ebx, ebx
	xor	ecx, ecx
	xor	edx, edx
	xor	edi, edi
	xor	ebp, ebp
thaw_stop_linux:
	jmp	rax

section .rodata alloc noexec nowrite progbits align=8
gdt:
	dq 0
	dq 0
	dq 0x00AF9B000000FFFF	; 0x10, __BOOT_CS: 64-bit code
	dq 0x00CF93000000FFFF	; 0x18, __BOOT_DS: flat data
gdt_end:
