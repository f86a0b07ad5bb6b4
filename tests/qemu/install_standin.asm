; SPDX-License-Identifier: GPL-2.0-or-later
; A stand-in for the loader: says on COM1 what GRUB handed over (Multiboot2 Specification 2.0), then hangs for ever.
; Entered in 32-bit protected mode: eax = magic, ebx = the boot information; nothing of the machine is used but COM1.

bits 32

MAGIC      equ 0xe85250d6
COM1       equ 0x3f8
TAG_ARGS   equ 1
TAG_MODULE equ 3

section .text align=8
header:
	dd MAGIC, 0, header_end - header, -(MAGIC + (header_end - header))
	dw 0, 0
	dd 8
header_end:

global start
start:
	cli
	mov esp, stack_end
	mov esi, text_started
	call print
	lea edi, [ebx + 8]
.tag:
	mov eax, [edi]
	test eax, eax
	jz .done
	cmp eax, TAG_ARGS
	jne .not_args
	mov esi, text_args
	lea ecx, [edi + 8]
	call print_line
.not_args:
	cmp dword [edi], TAG_MODULE
	jne .next
	mov esi, text_module
	lea ecx, [edi + 16]
	call print_line
.next:
	mov eax, [edi + 4]
	add eax, 7
	and eax, -8
	add edi, eax
	jmp .tag
.done:
	mov esi, text_hangs
	call print
.hang:
	hlt
	jmp .hang

; esi: a label, ecx: a text; prints both and ends the line.
print_line:
	call print
	mov esi, ecx
	call print
	mov esi, text_end
	jmp print

; esi: NUL-terminated text. CLOBBERS eax, edx, esi.
print:
	mov dx, COM1 + 5
	in al, dx
	test al, 0x20
	jz print
	lodsb
	test al, al
	jz .end
	mov dx, COM1
	out dx, al
	jmp print
.end:
	ret

section .data align=8
text_started: db 10, "stand-in: started", 10, 0
text_args:    db "stand-in: args ", 0
text_module:  db "stand-in: module ", 0
text_hangs:   db "stand-in: hangs"
text_end:     db 10, 0

section .bss align=16
	resb 4096
stack_end:
