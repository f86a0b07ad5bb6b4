; SPDX-License-Identifier: GPL-2.0-or-later
;
; CRC-32 by carry-less multiplication: folds a run of 64-byte blocks into 16 bytes that leave the same remainder
; (V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction, Intel, 2009).
; Position independent; the same object serves the loader and the host.

bits 64
default rel

global crc32_clmul_fold

; Bit-reflected x^n mod P, one position to the left, P = 0x104C11DB7: the first factor carries a register's first eight
; bytes n - 32 bits further, the second its last eight.
section .rodata.crc32_clmul align=16
align 16
fold_64_bytes:  dq 0x154442bd4, 0x1c6e41596    ; n = 544, 480
fold_16_bytes:  dq 0x1751997d0, 0x0ccaa009e    ; n = 160, 96

; %1 := %1 carried forward by the distance of the factors in xmm0, joined with the 16 aligned bytes (or register) %2
%macro FOLD 2
	movdqa	xmm5, %1
	pclmulqdq %1, xmm0, 0x00
	pclmulqdq xmm5, xmm0, 0x11
	pxor	%1, xmm5
	pxor	%1, %2
%endmacro

; void crc32_clmul_fold(const void *blocks, size_t bytes, uint32_t state, uint8_t remainder_out[16])
; mode:     64-bit, any privilege; CPUID.1:ECX.PCLMULQDQ, CR4.OSFXSR = 1, CR0.EM = 0
; IN:       rdi = blocks, 16-byte aligned; rsi = bytes, a multiple of 64, at least 64; edx = raw CRC state;
;           rcx = where the 16 bytes go, any alignment
; OUT:      [rcx]: the raw CRC of these bytes from state 0 is the raw CRC of the blocks from the state given
; CLOBBERS: rdi, rsi, xmm0-xmm5, flags
; stack:    none; does not fault on valid memory
section .text.crc32_clmul_fold align=16
crc32_clmul_fold:
	movd	xmm0, edx
	movdqa	xmm1, [rdi]
	movdqa	xmm2, [rdi + 16]
	movdqa	xmm3, [rdi + 32]
	movdqa	xmm4, [rdi + 48]
	pxor	xmm1, xmm0
	movdqa	xmm0, [fold_64_bytes]
	add	rsi, rdi		; rsi = end of the blocks
	add	rdi, 64
	cmp	rdi, rsi
	je	.join
align 16
.next:
	FOLD	xmm1, [rdi]
	FOLD	xmm2, [rdi + 16]
	FOLD	xmm3, [rdi + 32]
	FOLD	xmm4, [rdi + 48]
	add	rdi, 64
	cmp	rdi, rsi
	jne	.next
.join:
	movdqa	xmm0, [fold_16_bytes]
	FOLD	xmm1, xmm2
	FOLD	xmm1, xmm3
	FOLD	xmm1, xmm4
	movdqu	[rcx], xmm1
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
