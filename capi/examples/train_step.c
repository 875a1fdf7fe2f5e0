/* A step of training with dropout, from the header alone, on hosts and chips: README.md says how it is built. */
#include <dropout_kernels.h>
#include <stdio.h>

#define N 100

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f)); /* in flash; p, the probability to drop */
static dk_rng rng;
static uint32_t mask[DK_MASK_WORDS(N)];
static float x[N], y[N], dy[N], dx[N];

int main(void) {
  const dk_key key = {42, 0}; /* (seed, stream) names every mask that follows */
  const dk_source draw = dk_source_rng(&rng, mask, N), drawn = dk_source_mask(mask, N);
  int i, wrong = 0;
  for (i = 0; i < N; i++) x[i] = dy[i] = 1;
  if (dk_rng_init(&rng, key) != DK_OK) return 1;

  dk_status status = dk_forward_f32(&HIDDEN, x, y, N, &draw);
  if (status == DK_OK) status = dk_backward_f32(&HIDDEN, dy, dx, N, &drawn); /* the same units, the same scale */
  for (i = 0; i < N; i++) wrong += y[i] != dx[i];
  for (i = 0; i < DK_MASK_WORDS(N); i++) printf("%08lx ", (unsigned long)mask[i]);
  printf("\n%s, %d of %d gradients differ\n", dk_status_name(status), wrong, N);
  return status != DK_OK || wrong != 0;
}
