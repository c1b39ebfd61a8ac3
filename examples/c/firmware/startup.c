/* What a Cortex-M4F needs before `main`, and where newlib's semihosting ends the program. */

#include <stdint.h>
#include <stdlib.h>

int main(void);
/* newlib's: opens the emulator's console. */
void initialise_monitor_handles(void);

/* By link.ld. */
extern uint32_t stack_top[], data_start[], data_end[], data_load[], bss_start[], bss_end[];

void reset(void) {
    /* Armv7-M Architecture Reference Manual, B3.2.20: CPACR, full access to the coprocessors 10 and 11, the FPU. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm volatile("dsb\n isb" ::: "memory");
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    initialise_monitor_handles();
    exit(main());
}

/* Any fault ends the program with an error. */
static void fault(void) {
    _Exit(1);
}

/* newlib asks for these when it exits, whether or not there is anything to construct. */
void _init(void);
void _fini(void);
void _init(void) {}
void _fini(void) {}

/* The first words of memory: the stack pointer, then the handlers of reset and of the system's exceptions. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,      (uintptr_t)fault, (uintptr_t)fault,
};
