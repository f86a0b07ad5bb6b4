; SPDX-License-Identifier: GPL-2.0-or-later
;
; Back into the session that jumped here (Linux: arch/x86/kernel/relocate_kernel_64.S). It expects a near jump with
; paging on, its own page at VA = PA, and at rsp the address where it can come in again; it restores the rest itself.

%include "offsets.inc"

global handoff_session_return

section .text alloc exec nowrite progbits align=16
bits 64

; IN rdi = struct handoff_session. Its tables map this code, as they did at the jump. Does not return.
handoff_session_return:
	cli
	cld
	mov	rdx, [rdi + HANDOFF_SESSION_ENTRY]
	mov	rax, [rdi + HANDOFF_SESSION_CR3]
	mov	rcx, [rdi + HANDOFF_SESSION_CR4]
	mov	cr3, rax
	mov	cr4, rcx
	lea	rsp, [rdi + HANDOFF_SESSION_REENTRY]
	jmp	rdx
