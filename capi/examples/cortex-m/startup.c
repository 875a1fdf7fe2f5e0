/* What a Cortex-M4 needs before main, for QEMU's board mps2-an386: a table of vectors, and a floating-point unit that is on. A
 * board's own start-up code takes its place. `-Wl,-u,vectors` keeps the table, which nothing refers to. */
#include <stdint.h>

extern void _start(void);

static void reset(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the unit may be used */
  _start();
}

__attribute__((section(".vectors"))) const void *const vectors[] = {(void *)0x20010000, (void *)reset};
