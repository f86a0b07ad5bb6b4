; SPDX-License-Identifier: GPL-2.0-or-later
;
; Copy-and-jump (Linux: arch/x86/power/hibernate_asm_64.S, restore_registers, is the other side). The code is copied to
; a safe frame below 4 GiB and uses neither stack nor absolute address; mode switch to 5-level paging: Intel SDM volume
; 3A, 4.1.2 and 10.8.5.

%include "offsets.inc"

%define CR0_PG      31
%define CR4_PGE     7
%define CR4_LA57    12
%define CR4_PCIDE   17
%define PAGE_QWORDS 512

global handoff_image_start
global handoff_image_code
global handoff_image_code_bytes

section .text alloc exec nowrite progbits align=16
bits 64

; IN rdi = physical address of the frame. This code is identity mapped in the current tables and in those for the
; copies, which map the frame executable. No stack. Does not return.
handoff_image_start:
	cli
	cld
	lea	rbp, [rdi + HANDOFF_IMAGE_SEALED]
	mov	rax, [rbp + HANDOFF_IMAGE_COPY_ROOT]
	mov	rdx, cr4
	btr	rdx, CR4_PGE
	btr	rdx, CR4_PCIDE
	mov	cr4, rdx
	mov	cr3, rax
	jmp	rdi

; 64-bit mode, in the frame. IN rdi = the frame, rbp = sealed structure. CLOBBERS everything.
; No stack, may not fault.
align 16
handoff_image_code:
	lea	rax, [rdi + gdt - handoff_image_code]
	mov	[rdi + gdt_pointer + 2 - handoff_image_code], rax
	lgdt	[rdi + gdt_pointer - handoff_image_code]
	mov	eax, 0x18
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	mov	ebx, edi		; the frame; below 4 GiB

	mov	rdx, [rbp + HANDOFF_IMAGE_PLAN]
.page:
	test	rdx, rdx
	jz	.copied
	mov	r10, [rdx + PLAN_PAGE_COUNT]
	lea	r11, [rdx + PLAN_PAGE_COPIES]
.copy:
	test	r10, r10
	jz	.next
	mov	rdi, [r11 + PLAN_COPY_DESTINATION]
	mov	rsi, [r11 + PLAN_COPY_SOURCE]
	mov	ecx, PAGE_QWORDS
	rep	movsq
	add	r11, PLAN_COPY_BYTES
	dec	r10
	jmp	.copy
.next:
	mov	rdx, [rdx + PLAN_PAGE_NEXT]
	jmp	.page

.copied:
	mov	r8, [rbp + HANDOFF_IMAGE_JUMP_ADDRESS]
	mov	r9, [rbp + HANDOFF_IMAGE_CR3]
	mov	rax, [rbp + HANDOFF_IMAGE_JUMP_ROOT]
	mov	rdx, cr4
	bt	rdx, CR4_LA57
	setc	cl
	cmp	qword [rbp + HANDOFF_IMAGE_LEVELS], 5
	sete	ch
	cmp	cl, ch
	jne	.switch_levels
	mov	cr3, rax
	jmp	.jump

	; CR4.LA57 can only change with paging off, and that only in 32-bit mode. eax, ebx and ebp survive it; r8 and
	; r9 are loaded again behind it.
.switch_levels:
	lea	edx, [ebx + .compatibility - handoff_image_code]
	mov	[rbx + far_pointer - handoff_image_code], edx
	mov	word [rbx + far_pointer + 4 - handoff_image_code], 0x20
	jmp	far dword [rbx + far_pointer - handoff_image_code]

bits 32
.compatibility:
	mov	ecx, 0x18
	mov	ds, ecx
	mov	es, ecx
	mov	ss, ecx
	mov	edx, cr0
	btr	edx, CR0_PG
	mov	cr0, edx
	mov	ecx, cr4
	btc	ecx, CR4_LA57
	mov	cr4, ecx
	mov	cr3, eax
	bts	edx, CR0_PG
	mov	cr0, edx
	lea	edx, [ebx + .long - handoff_image_code]
	mov	[ebx + far_pointer - handoff_image_code], edx
	mov	word [ebx + far_pointer + 4 - handoff_image_code], 0x10
	jmp	far dword [ebx + far_pointer - handoff_image_code]

bits 64
.long:
	mov	ebp, ebp
	mov	r8, [rbp + HANDOFF_IMAGE_JUMP_ADDRESS]
	mov	r9, [rbp + HANDOFF_IMAGE_CR3]
.jump:
	mov	rsp, [rbp + HANDOFF_IMAGE_STACK]
	jmp	r8

align 8
gdt:
	dq 0
	dq 0
	dq 0x00AF9B000000FFFF	; 0x10: 64-bit code
	dq 0x00CF93000000FFFF	; 0x18: flat data
	dq 0x00CF9B000000FFFF	; 0x20: 32-bit code
gdt_end:
gdt_pointer:
	dw gdt_end - gdt - 1
	dq 0
far_pointer:
	dd 0
	dw 0
handoff_image_code_end:

section .rodata alloc noexec nowrite progbits align=4
handoff_image_code_bytes: dd handoff_image_code_end - handoff_image_code

%if handoff_image_code_end - handoff_image_code > HANDOFF_IMAGE_SEALED
%error "the copy-and-jump code reaches into the sealed structure"
%endif
