/* Nanoseconds of a call from C: backward by a mask, from another array. Rust's are `cargo bench --bench kernels -- backward`. */
#define _POSIX_C_SOURCE 199309L
#include <dropout_kernels.h>

#include <stdio.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f));

int main(void) {
  /* Not a multiple of 4 KiB apart: processors take such loads and stores for the same place. */
  static float memory[2 * 4096 + 64];
  float *dy = memory, *dx = memory + 4096 + 64;
  static uint32_t mask[DK_MASK_WORDS(4096)];
  static const size_t lengths[] = {32, 64, 256, 4096};
  size_t l;
  for (l = 0; l < COUNT(memory); l++) memory[l] = 1;
  for (l = 0; l < COUNT(lengths); l++) {
    size_t n = lengths[l];
    long rounds = (long)(20000000 / n), i;
    double best = 1e9;
    int repeat;
    dk_key key = {1, 2};
    dk_source drawn = dk_source_key_into(key, mask, n), stored = dk_source_mask(mask, n);
    if (dk_fill(&HIDDEN.rate, &drawn) != DK_OK) return 1;
    for (repeat = 0; repeat < 9; repeat++) {
      struct timespec a, b;
      double ns;
      clock_gettime(CLOCK_MONOTONIC, &a);
      for (i = 0; i < rounds; i++)
        if (dk_backward_f32(&HIDDEN, dy, dx, n, &stored) != DK_OK) return 1;
      clock_gettime(CLOCK_MONOTONIC, &b);
      ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)rounds;
      if (ns < best) best = ns;
    }
    printf("backward of %lu elements by a mask: %.2f ns\n", (unsigned long)n, best);
  }
  return 0;
}
