/* The digits as bytes in constant memory: see examples/data/README.md. The folder of digits.bin is given by -I. */
    .section .rodata
    .global digits
digits:
    .incbin "digits.bin"
#if defined(__linux__)
    .section .note.GNU-stack, "", %progbits
#endif
