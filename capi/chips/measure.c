/*
 * What a use of the library costs on a chip: instructions of a call, and the deepest stack. USE is one of those below. With
 * LINK_ONLY there is no main, so that the program has nothing but the use in it: its size is the use's.
 */
#include <dropout_kernels.h>

#include <stdint.h>

#define fill 1
#define forward_backward 2
#define replay 3
#define fold_s8 4
#define requantise_s8 5
#define LONGEST 1024

static dk_rng rng;
static dk_rate rate;
#if USE != fill
static dk_dropout dropout;
#endif
#if USE != replay
static uint32_t mask[DK_MASK_WORDS(LONGEST)];
#endif

#if USE >= fold_s8
#define NUMBER int8_t
#define FORWARD dk_forward_s8
#define BACKWARD dk_backward_s8
#else
#define NUMBER float
#define FORWARD dk_forward_f32
#define BACKWARD dk_backward_f32
#endif
#if USE == fold_s8
#define RULE dk_classic
#else
#define RULE dk_inverted
#endif
extern NUMBER numbers[LONGEST];

dk_status make(float p);
dk_status use(size_t n);

/* What happens once. */
dk_status make(float p) {
  static const dk_key key = {42, 0};
  dk_status status = dk_rng_init(&rng, key);
  if (status == DK_OK) status = dk_rate_from_f32(&rate, p);
#if USE != fill
  if (status == DK_OK) status = RULE(&dropout, &rate);
#endif
  return status;
}

/* What happens at every step. */
dk_status use(size_t n) {
#if USE == fill
  dk_source draw = dk_source_rng(&rng, mask, n);
  return dk_fill(&rate, &draw);
#elif USE == replay
  static const dk_key key = {42, 1};
  dk_source source = dk_source_key(key);
  dk_status status = FORWARD(&dropout, numbers, numbers, n, &source);
  return status == DK_OK ? BACKWARD(&dropout, numbers, numbers, n, &source) : status;
#else
  dk_source draw = dk_source_rng(&rng, mask, n), drawn = dk_source_mask(mask, n);
  dk_status status = FORWARD(&dropout, numbers, numbers, n, &draw);
  return status == DK_OK ? BACKWARD(&dropout, numbers, numbers, n, &drawn) : status;
#endif
}

#ifndef LINK_ONLY
#include <stdio.h>

NUMBER numbers[LONGEST];

#ifdef __riscv
static uint32_t instructions(void) {
  uint32_t count;
  __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(count));
  return count;
}
#else
/* Timer 0 of the MPS2 boards counts down at 25 MHz; QEMU's -icount shift=10 gives an instruction 1024 ns of it. */
#define TIMER ((volatile uint32_t *)0x40000000)
static uint32_t instructions(void) {
  if (TIMER[0] == 0) TIMER[1] = TIMER[2] = 0xFFFFFFFF, TIMER[0] = 1;
  return (uint32_t)((uint64_t)(0xFFFFFFFF - TIMER[1]) * 40 / 1024);
}
#endif

/* Words below here that `use` has written: painted before, and looked at from below. */
#define PAINT 0x5AA5F00Du
#define DEPTH 1024
static unsigned __attribute__((noinline)) stack(size_t n) {
  volatile uint32_t *top = (volatile uint32_t *)__builtin_frame_address(0) - 16;
  unsigned i;
  for (i = 1; i < DEPTH; i++) top[-(int)i] = PAINT;
  if (use(n) != DK_OK) return 0;
  for (i = DEPTH - 1; i > 0 && top[-(int)i] == PAINT; i--) {
  }
  return 4 * i;
}

int main(void) {
  static const float rates[] = {0.1f, 0.5f};
  static const unsigned lengths[] = {64, 1024};
  unsigned r, l, deepest = 0;
  for (r = 0; r < 2; r++)
    for (l = 0; l < 2; l++) {
      unsigned start, took, deep;
      int i;
      if (make(rates[r]) != DK_OK) return 1;
      for (i = 0; i < LONGEST; i++) numbers[i] = (NUMBER)(i % 7);
      start = instructions();
      for (i = 0; i < 16; i++)
        if (use(lengths[l]) != DK_OK) return 1;
      took = instructions() - start;
      deep = stack(lengths[l]);
      if (deep > deepest) deepest = deep;
      printf("%u.%02u ", took / 16 / lengths[l], took * 100 / 16 / lengths[l] % 100);
    }
  printf("%u\n", deepest);
  return 0;
}
#endif
