; SPDX-License-Identifier: GPL-2.0-or-later
;
; Exception entry stubs (Intel SDM volume 3A, 6.14). Each builds a struct exception_frame and calls exception_enter,
; which does not return.

extern exception_enter

global exception_stubs
global exception_resume_on_stack

section .text alloc exec nowrite progbits align=16
bits 64

; The stubs are 16 bytes apart. 64-bit mode, interrupts off, on the exception stack (IST 1; under UEFI on whatever stack
; there is). An error code is on the stack for vectors 8, 10-14, 17,
; 21, 29 and 30; the others push a zero in its place. May not fault.
%assign vector 0
%rep 32
align 16
%if vector == 0
exception_stubs:
%endif
%if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
%else
	push	qword 0
%endif
	push	qword vector
	jmp	near exception_common
%assign vector vector + 1
%endrep

exception_common:
	push	rax
	push	rbx
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	rbp
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
	mov	rax, cr2
	push	rax
	cld
	mov	rdi, rsp
	and	rsp, -16
	call	exception_enter
	ud2

; IN rdi = function that does not return, rsi = new stack top. Leaves the stack as it is behind.
exception_resume_on_stack:
	mov	rsp, rsi
	and	rsp, -16
	xor	ebp, ebp
	call	rdi
	ud2
