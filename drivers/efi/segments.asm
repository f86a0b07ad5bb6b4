; SPDX-License-Identifier: GPL-2.0-or-later
;
; The selectors that Linux uses and an image expects at its jump: code 0x10, data 0x18, both flat. A firmware has its own
; (EDK2: 0x38 and 0x30). Position independent.

global efi_segments_load

section .text alloc exec nowrite progbits align=16
bits 64

; 64-bit mode, interrupts off. CLOBBERS rax. Uses the caller's stack.
efi_segments_load:
	lea	rax, [rel gdt]
	push	rax
	sub	rsp, 8
	mov	word [rsp + 6], gdt_end - gdt - 1
	lgdt	[rsp + 6]
	add	rsp, 16
	mov	eax, 0x18
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lldt	ax
	push	qword 0x10
	lea	rax, [rel .reloaded]
	push	rax
	o64 retf
.reloaded:
	ret

section .rodata alloc noexec nowrite progbits align=8
gdt:
	dq 0
	dq 0
	dq 0x00AF9B000000FFFF	; 0x10: 64-bit code
	dq 0x00CF93000000FFFF	; 0x18: flat data
gdt_end:
