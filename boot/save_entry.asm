; SPDX-License-Identifier: GPL-2.0-or-later
;
; The way in for a session: kexec with its context preserved (Linux: arch/x86/kernel/relocate_kernel_64.S). The kernel
; calls this in 64-bit mode on its own identity tables, which map RAM and our segments, but no device registers.

%include "offsets.inc"

%define CR0_MP           1
%define CR0_EM           2
%define CR0_TS           3
%define CR0_NE           5
%define CR0_WP           16
%define CR4_OSFXSR       9
%define CR4_OSXMMEXCPT   10

extern boot_save
extern boot_gdt_pointer
extern loader_stack_top

global thaw_save_entry

section .bss alloc noexec write nobits align=8
session:	resb HANDOFF_SESSION_BYTES

section .text alloc exec nowrite progbits align=16
bits 64

; 64-bit mode, interrupts off, GDTR and IDTR empty. IN [rsp] = the session's jump-back entry. Does not return.
thaw_save_entry:
	cli
	cld
	mov	rax, [rsp]
	mov	[session + HANDOFF_SESSION_ENTRY], rax
	mov	rax, cr3
	mov	[session + HANDOFF_SESSION_CR3], rax
	mov	qword [session + HANDOFF_SESSION_REENTRY], thaw_save_entry
	mov	rax, cr4
	mov	[session + HANDOFF_SESSION_CR4], rax
	bts	rax, CR4_OSFXSR
	bts	rax, CR4_OSXMMEXCPT
	mov	cr4, rax
	mov	rax, cr0
	bts	rax, CR0_MP
	bts	rax, CR0_NE
	bts	rax, CR0_WP
	btr	rax, CR0_EM
	btr	rax, CR0_TS
	mov	cr0, rax

	lgdt	[boot_gdt_pointer]
	mov	esp, loader_stack_top
	push	qword 0x10
	mov	eax, .reloaded
	push	rax
	retfq
.reloaded:
	mov	eax, 0x18
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lldt	ax
	xor	ebp, ebp
	mov	edi, session
	call	boot_save
	ud2				; boot_save does not return
