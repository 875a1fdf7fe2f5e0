/*
 * The digest of tests/digest, computed from C: lines of tests/digest/expected.txt, word for word, on every machine.
 * -DONLY_F32, -DONLY_F64 (with the line that has float and double), -DONLY_HALVES or -DONLY_INTEGERS has those elements
 * alone, where flash has no room for all.
 */
#include <dropout_kernels.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST (4 * 512 + 32 + 1)
#define SHORT (3 * 512 + 32 + 1)
#define UNITS 70
#define BATCH 3
#define STATES (BATCH * UNITS)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* FNV-1a over words of 32 bits. */
static uint64_t hash;
static uint32_t words_taken;
static uint32_t mask_words[DK_MASK_WORDS(LONGEST)];

static void begin(void) {
  hash = UINT64_C(0xCBF29CE484222325);
  words_taken = 0;
}

static void end(const char *name) {
  printf("%s %08lx%08lx %lu\n", name, (unsigned long)(hash >> 32), (unsigned long)(hash & 0xFFFFFFFF),
         (unsigned long)words_taken);
}

static void word(uint32_t x) {
  hash = (hash ^ x) * UINT64_C(0x100000001B3);
  words_taken++;
}

static void twice(uint64_t x) {
  word((uint32_t)x);
  word((uint32_t)(x >> 32));
}

static void mask_of(const uint32_t *words, size_t bits) {
  size_t i;
  for (i = 0; i < DK_MASK_WORDS(bits); i++) word(words[i]);
}

static void mask(size_t bits) { mask_of(mask_words, bits); }

static void check(dk_status status) {
  if (status != DK_OK) {
    printf("refused: %s\n", dk_status_name(status));
    exit(1);
  }
}

static const dk_source *by(dk_key key) {
  static dk_source source;
  source = dk_source_key(key);
  return &source;
}

static void generator(const dk_rng *rng) {
  uint8_t bytes[DK_CHECKPOINT_BYTES];
  size_t i;
  check(dk_rng_save(rng, bytes));
  for (i = 12; i < 12 + 256; i += 4)
    word(bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24);
}

/* The last steps of MurmurHash3: inputs must not come from what is tested. */
static uint32_t noise(uint32_t salt, uint32_t i) {
  uint32_t x = i * UINT32_C(0x9E3779B9) + salt;
  x = (x ^ x >> 16) * UINT32_C(0x85EBCA6B);
  x = (x ^ x >> 13) * UINT32_C(0xC2B2AE35);
  return x ^ x >> 16;
}

/* Rates of each class: the least, one plane, a tie after eight planes, one half, nearly one, and those that draw
 * nothing. */
#define CLASSES 8
static dk_rate class_of(size_t i) {
  static const uint64_t thresholds[CLASSES] = {
      0,
      1,
      UINT64_C(1) << 32,
      UINT64_C(0x199999A000),
      UINT64_C(1) << 39,
      UINT64_C(0xE666666666),
      (UINT64_C(1) << 40) - 1,
      UINT64_C(1) << 40,
  };
  dk_rate rate;
  check(dk_rate_from_threshold(&rate, thresholds[i]));
  return rate;
}

#define SHAPE_RATES 5
static dk_rate shape_rate(size_t i) {
  static const dk_rate rates[SHAPE_RATES] = {DK_RATE(0.0f), DK_RATE(0.1f), DK_RATE(0.5f), DK_RATE(0.9f), DK_RATE(1.0f)};
  return rates[i];
}

static void masks(void) {
  static const size_t lengths[] = {0,   1,   31,  32,  33,  63,  64,   65,   127,
                                   128, 129, 511, 512, 513, 1023, 1024, 1025, LONGEST};
  static const dk_key keys[] = {{0, 0},
                                {42, 0},
                                {42, 7},
                                {UINT64_C(0x0123456789ABCDEF), UINT64_MAX},
                                {UINT64_MAX, UINT64_C(1) << 63}};
  size_t r, k, l;
  for (r = 0; r < CLASSES + 8; r++) {
    dk_rate rate;
    if (r < CLASSES) {
      rate = class_of(r);
    } else { /* each number of planes, too */
      unsigned planes = (unsigned)(r - CLASSES + 1);
      check(dk_rate_from_ratio(&rate, (1u << planes) - 1, 1u << planes));
    }
    for (k = 0; k < COUNT(keys); k++) {
      static dk_rng rng;
      check(dk_rng_init(&rng, keys[k]));
      for (l = 0; l < COUNT(lengths); l++) {
        dk_source source = dk_source_rng(&rng, mask_words, lengths[l]);
        check(dk_fill(&rate, &source));
        mask(lengths[l]);
      }
      generator(&rng);
    }
  }
}

/* Whole layers, left out by chance and by their depth. */
static inline void layer_drop(void) {
  static const size_t layers[] = {0, 1, 12, 33, 100}, every[] = {0, 1, 2, 3, 40};
  static const dk_key start = {61, 62};
  static dk_rng rng;
  size_t r, l, e;
  check(dk_rng_init(&rng, start));
  for (r = 0; r < CLASSES; r++) {
    dk_rate rate = class_of(r);
    for (l = 0; l < COUNT(layers); l++) {
      dk_source source = dk_source_rng(&rng, mask_words, layers[l]);
      check(dk_fill(&rate, &source));
      mask(layers[l]);
      for (e = 0; e < COUNT(every); e++) {
        check(dk_layer_drop_prune(mask_words, layers[l], every[e]));
        mask(layers[l]);
      }
    }
  }
  generator(&rng);
}

/* Lengths around a word, a block and two. */
static const size_t LENGTHS[] = {0, 1, 31, 32, 33, 65, 129, 511, 512, 513, 545, 1025};

struct shape {
  dk_layout layout;
  size_t n, bits;
};

static struct shape layout_of(size_t i) {
  static const dk_layout layouts[] = {
      {1, 1, 130, 1},
      {1, 1, 1, 100},
      DK_CHANNELS_FIRST(2, 40, 6),
      DK_CHANNELS_FIRST(1, 17, 5 * 6),
      DK_CHANNELS_LAST(3, 4 * 3, 15),
      DK_CHANNELS_LAST(1, 2 * 2 * 2, 65),
      DK_TIME_MAJOR(4, 3, 33),
      DK_BATCH_MAJOR(3, 5, 32),
      DK_SAMPLES(33, 16),
      {1, 1, 520, 1},
      {3, 4, 11, 4},
      {2, 1, 3, 80},
      {5, 3, 0, 2},
      DK_SAMPLES(3, 210),
      DK_TIME_MAJOR(1, 1, 520),
      DK_TIME_MAJOR(4, 2, 32),
      DK_BATCH_MAJOR(2, 3, 96),
  };
  struct shape shape;
  if (i >= COUNT(layouts)) { /* no more */
    memset(&shape, 0, sizeof shape);
    return shape;
  }
  shape.layout = layouts[i];
  shape.bits = shape.layout.groups * shape.layout.width;
  shape.n = shape.bits * shape.layout.repeat * shape.layout.run;
  return shape;
}
#define LAYOUTS 17

static dk_drop_block blocks_of(size_t i) {
  static const dk_drop_block blocks[] = {
      {DK_RATE(0.0f), 1, 2, 3, 2, {5, 6, 0}, 0, 0},  {DK_RATE(0.0f), 3, 1, 2, 1, {65, 0, 0}, 0, 0},
      {DK_RATE(0.0f), 3, 2, 3, 2, {9, 11, 0}, 0, 0}, {DK_RATE(0.0f), 7, 1, 1, 2, {31, 33, 0}, 0, 0},
      {DK_RATE(0.0f), 5, 2, 2, 2, {4, 40, 0}, 0, 0}, {DK_RATE(0.0f), 2, 1, 2, 3, {5, 6, 7}, 0, 0},
      {DK_RATE(0.0f), 4, 1, 3, 2, {3, 3, 0}, 0, 0},
  };
  return blocks[i];
}
#define BLOCKS 7

struct rows {
  dk_panel panel;
  size_t residual_stride;
  size_t n, bits, elements; /* of slices, of the mask, and without what lies between rows */
};

static struct rows rows_of(size_t i) {
  /* Rows, width, and the strides of x, y, the mask and the residual. */
  static const struct rows all[] = {
      {{4, 65, 65, 65, 65}, 65, 0, 0, 0},       {{3, 33, 40, 35, 64}, 0, 0, 0, 0}, {{7, 5, 0, 11, 5}, 6, 0, 0, 0},
      {{2, 520, 530, 520, 522}, 525, 0, 0, 0}, {{1, 130, 7, 3, 2}, 1, 0, 0, 0},   {{0, 9, 9, 9, 9}, 9, 0, 0, 0},
  };
  struct rows rows = all[i];
  size_t most = rows.residual_stride;
  if (most < rows.panel.x_stride) most = rows.panel.x_stride;
  if (most < rows.panel.y_stride) most = rows.panel.y_stride;
  rows.elements = rows.panel.rows * rows.panel.width;
  if (rows.panel.rows) {
    rows.n = (rows.panel.rows - 1) * most + rows.panel.width;
    rows.bits = (rows.panel.rows - 1) * rows.panel.mask_stride + rows.panel.width;
  }
  return rows;
}
#define PANELS 6
#define WIDEST 520

#define PLAIN_float(salt, i) (noise(salt, i) & UINT32_C(0x807FFFFF)) | (119 + (noise(salt, i) >> 23 & 15)) << 23
#define BOTH(salt, i) ((uint64_t)noise(salt, i) << 32 | noise(salt + 1, i))
#define PLAIN_double(salt, i) (BOTH(salt, i) & UINT64_C(0x800FFFFFFFFFFFFF)) | (1015 + (BOTH(salt, i) >> 52 & 15)) << 52

/* What is summed in float, and in double: set, and taken as numbers. */
static inline void set_float(float *x, size_t n, uint32_t salt) {
  size_t i;
  for (i = 0; i < n; i++) {
    uint32_t bits = PLAIN_float(salt, (uint32_t)i);
    memcpy(&x[i], &bits, sizeof bits);
  }
}

static inline void set_double(double *x, size_t n, uint32_t salt) {
  size_t i;
  for (i = 0; i < n; i++) {
    uint64_t bits = PLAIN_double(salt, (uint32_t)i);
    memcpy(&x[i], &bits, sizeof bits);
  }
}

static inline void take_float(const float *x, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    word((bits & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000) ? UINT32_C(0x7F800001) : bits);
  }
}

static inline void take_double(const double *x, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    uint64_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    twice((bits & ~(UINT64_C(1) << 63)) > UINT64_C(0x7FF) << 52 ? (UINT64_C(0x7FF) << 52) + 1 : bits);
  }
}

enum kind { INVERTED, CLASSIC, ALPHA, DROP_KEY };

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define DK(verb) JOIN(dk_##verb##_, NAME)
#define OWN(name) JOIN(name##_, NAME)

#if !defined ONLY_HALVES && !defined ONLY_INTEGERS
#define NAME f32
#define T float
#define BITS uint32_t
#define FLOATS 1
#define REAL 1
#define FACTOR float
#define OF f32
#define LIMIT LONGEST
#define SIGN UINT32_C(0x80000000)
#define INFINITE UINT32_C(0x7F800000)
#define LEAST UINT32_C(0x00800000)
#define SMALL UINT32_C(0x34000000) /* the distance from 1 to the next */
#define QUIET UINT32_C(0x7FC12345)
#define SIGNALLING UINT32_C(0x5A5A5)
#define PLAIN PLAIN_float
#include "digest_type.h"
#endif

#if !defined ONLY_F32 && !defined ONLY_HALVES && !defined ONLY_INTEGERS
#define NAME f64
#define T double
#define BITS uint64_t
#define FLOATS 1
#define REAL 1
#define FACTOR double
#define OF f64
#define LIMIT SHORT
#define SIGN (UINT64_C(1) << 63)
#define INFINITE UINT64_C(0x7FF0000000000000)
#define LEAST UINT64_C(0x0010000000000000)
#define SMALL UINT64_C(0x3CB0000000000000)
#define QUIET UINT64_C(0x7FF8123456789ABC)
#define SIGNALLING UINT64_C(0x5A5A5)
#define PLAIN PLAIN_double
#include "digest_type.h"
#endif

#if !defined ONLY_F32 && !defined ONLY_F64 && !defined ONLY_INTEGERS
#define NAME f16
#define T uint16_t
#define BITS uint16_t
#define FLOATS 1
#define REAL 0
#define FACTOR float
#define OF f32
#define LIMIT LONGEST
#define SIGN 0x8000
#define INFINITE 0x7C00
#define LEAST 0x0400
#define SMALL 0x1400
#define QUIET 0x7E5A
#define SIGNALLING 0xA5
#define PLAIN(salt, i) (uint16_t)((noise(salt, i) & 0x83FF) | (7 + (noise(salt, i) >> 10 & 15)) << 10)
#include "digest_type.h"

#define NAME bf16
#define T uint16_t
#define BITS uint16_t
#define FLOATS 1
#define REAL 0
#define FACTOR float
#define OF f32
#define LIMIT LONGEST
#define SIGN 0x8000
#define INFINITE 0x7F80
#define LEAST 0x0080
#define SMALL 0x3C00
#define QUIET 0x7FDA
#define SIGNALLING 0x25
#define PLAIN(salt, i) (uint16_t)((noise(salt, i) & 0x807F) | (119 + (noise(salt, i) >> 7 & 15)) << 7)
#include "digest_type.h"
#endif

#if !defined ONLY_F32 && !defined ONLY_F64 && !defined ONLY_HALVES
#define NAME s16
#define T int16_t
#define BITS uint16_t
#define FLOATS 0
#define REAL 0
#define LIMIT LONGEST
#define HIGHEST 0x7FFF
#include "digest_type.h"

#define NAME s8
#define T int8_t
#define BITS uint8_t
#define FLOATS 0
#define REAL 0
#define LIMIT LONGEST
#define HIGHEST 0x7F
#include "digest_type.h"
#endif

/* Alpha dropout of inputs of any mean and variance. */
static inline void alpha_of(void) {
  static const double inputs[][2] = {{0, 1}, {-1.5, 0.25}, {3, 40}, {1e-9, 1e15}};
  size_t r, i;
  for (r = 0; r < CLASSES; r++)
    for (i = 0; i < COUNT(inputs); i++) {
      dk_rate rate = class_of(r);
      dk_alpha alpha;
      check(dk_alpha_of(&alpha, &rate, inputs[i][0], inputs[i][1]));
      take_double(&alpha.scale, 1);
      take_double(&alpha.shift, 1);
      take_double(&alpha.dropped, 1);
    }
}

#if !defined ONLY_F32 && !defined ONLY_HALVES && !defined ONLY_INTEGERS
static void drop_connect(int transposed) {
  static const size_t shapes[][2] = {{1, 1}, {3, 33}, {5, 70}, {33, 9}};
  size_t r, i;
  for (r = 0; r < CLASSES; r++)
    for (i = 0; i < COUNT(shapes); i++) {
      dk_rate rate = class_of(r);
      dk_drop_connect layer;
      layer.rows = shapes[i][0];
      layer.columns = shapes[i][1];
      check(dk_inverted(&layer.dropout, &rate));
      (transposed ? transposed_f32 : products_f32)(&layer);
      check(dk_classic(&layer.dropout, &rate));
      (transposed ? transposed_f64 : products_f64)(&layer);
    }
}
#endif

int main(void) {
  if (dk_version() != DK_VERSION || dk_stream_version() != DK_STREAM_VERSION) {
    printf("the header is of another version than the archive\n");
    return 1;
  }
#if !defined ONLY_F64 && !defined ONLY_HALVES && !defined ONLY_INTEGERS
  begin();
  masks();
  end("masks");
  begin();
  layer_drop();
  end("layer-drop");
  begin();
  alpha_of();
  end("alpha-of");
  group_f32(INVERTED, "inverted-f32");
  group_f32(CLASSIC, "classic-f32");
  group_f32(ALPHA, "alpha-f32");
  group_f32(DROP_KEY, "drop-key-f32");
  begin();
  layouts_f32(1);
  end("layouts-f32");
  begin();
  drop_block_f32(0);
  end("drop-block-f32");
  begin();
  drop_block_f32(1);
  end("drop-block-samples-f32");
  begin();
  zoneout_f32();
  end("zoneout-f32");
  begin();
  locked_f32();
  end("locked-f32");
  begin();
  fused_f32();
  end("fused-f32");
  begin();
  drawn_numbers_f32();
  end("noise-f32");
#endif
#if !defined ONLY_F32 && !defined ONLY_HALVES && !defined ONLY_INTEGERS
  group_f64(INVERTED, "inverted-f64");
  group_f64(CLASSIC, "classic-f64");
  group_f64(ALPHA, "alpha-f64");
  group_f64(DROP_KEY, "drop-key-f64");
  begin();
  layouts_f64(0);
  end("layouts-f64");
  begin();
  drop_block_f64(0);
  end("drop-block-f64");
  begin();
  drop_block_f64(1);
  end("drop-block-samples-f64");
  begin();
  zoneout_f64();
  end("zoneout-f64");
  begin();
  locked_f64();
  end("locked-f64");
  begin();
  fused_f64();
  end("fused-f64");
  begin();
  drawn_numbers_f64();
  end("noise-f64");
  begin();
  drop_connect(0);
  end("drop-connect");
  begin();
  drop_connect(1);
  end("drop-connect-transposed");
#endif
#if !defined ONLY_F32 && !defined ONLY_F64 && !defined ONLY_INTEGERS
  begin();
  rules_f16();
  end("rules-f16");
  begin();
  recurrent_f16();
  end("recurrent-f16");
  begin();
  fused_f16();
  end("fused-f16");
  begin();
  drawn_numbers_f16();
  end("noise-f16");
  begin();
  rules_bf16();
  end("rules-bf16");
  begin();
  recurrent_bf16();
  end("recurrent-bf16");
  begin();
  fused_bf16();
  end("fused-bf16");
  begin();
  drawn_numbers_bf16();
  end("noise-bf16");
#endif
#if !defined ONLY_F32 && !defined ONLY_F64 && !defined ONLY_HALVES
  begin();
  rules_s16();
  end("rules-i16");
  begin();
  recurrent_s16();
  end("recurrent-i16");
  begin();
  fused_s16();
  end("fused-i16");
  begin();
  rules_s8();
  end("rules-i8");
  begin();
  recurrent_s8();
  end("recurrent-i8");
  begin();
  fused_s8();
  end("fused-i8");
  begin();
  zero_points();
  end("zero-points");
#endif
  return 0;
}
