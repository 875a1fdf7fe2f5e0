/* Nanoseconds of a call from C: backward of 32 to 4096 elements, from another array. `benches/callers` and the Rust side measure the
 * same call. */
#define _POSIX_C_SOURCE 199309L
#include <dropout_kernels.h>

#include <stdio.h>
#include <time.h>

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f));

int main(void) {
  static float dy[4096], dx[4096];
  static uint32_t mask[DK_MASK_WORDS(4096)];
  static const size_t lengths[] = {32, 64, 256, 4096};
  size_t l;
  for (l = 0; l < 4; l++) {
    size_t n = lengths[l];
    long rounds = (long)(20000000 / n), i;
    double best = 1e9;
    int repeat;
    dk_key key = {1, 2};
    if (dk_fill(&HIDDEN.rate, dk_source_key_into(key, mask, n)) != DK_OK) return 1;
    for (repeat = 0; repeat < 9; repeat++) {
      struct timespec a, b;
      double ns;
      clock_gettime(CLOCK_MONOTONIC, &a);
      for (i = 0; i < rounds; i++)
        if (dk_backward_f32(&HIDDEN, dy, dx, n, dk_source_mask(mask, n)) != DK_OK) return 1;
      clock_gettime(CLOCK_MONOTONIC, &b);
      ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)rounds;
      if (ns < best) best = ns;
    }
    printf("backward of %lu elements by a mask: %.2f ns\n", (unsigned long)n, best);
  }
  return 0;
}
