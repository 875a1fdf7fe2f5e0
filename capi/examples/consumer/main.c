/* Drops a tenth of 100 elements, and prints which. C99, and C++11 too. */
#include <dropout_kernels.h>
#include <stdio.h>

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f)); /* p, the probability to drop: 0.1 */

int main(void) {
  float x[100], y[100];
  uint32_t mask[DK_MASK_WORDS(100)];
  dk_key key = {42, 0}; /* a seed and a stream name a mask */
  for (int i = 0; i < 100; i++) x[i] = 1.0f;

  /* Training: the mask is drawn into memory, and applied. dk_backward_f32 takes the same mask, or the key. */
  const dk_source draw = dk_source_key_into(key, mask, 100);
  dk_status status = dk_forward_f32(&HIDDEN, x, y, 100, &draw);
  if (status != DK_OK) {
    puts(dk_status_name(status));
    return 1;
  }
  for (int i = 0; i < 4; i++) printf("%08lx%c", (unsigned long)mask[i], i < 3 ? ' ' : '\n');
  printf("%d of 100 are kept, each times %.4f\n", (int)dk_mask_count_kept(mask, 100), (double)y[0]);
  return 0;
}
