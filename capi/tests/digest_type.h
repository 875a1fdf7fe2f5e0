/* The digest of one element type: included by digest.c for each. */

static union {
  T numbers[LIMIT];
  BITS bits[LIMIT];
} OWN(x), OWN(y);
static union {
  T numbers[SHORT];
  BITS bits[SHORT];
} OWN(z);

static BITS OWN(plain)(uint32_t salt, uint32_t i) {
#if FLOATS
  return PLAIN(salt, i);
#else
  return (BITS)noise(salt, i);
#endif
}

/* One in eight is what arithmetic treats apart. */
static BITS OWN(any)(uint32_t salt, uint32_t i) {
#if FLOATS
  /* Its exponent has all bits but the highest. */
  static const BITS unity = INFINITE & INFINITE >> 1;
  const BITS special[18] = {0,     SIGN,         unity,    SIGN | unity,      1,        SIGN | 1,
                            LEAST - 1,           SIGN | (LEAST - 1),          LEAST,    SMALL,
                            INFINITE - 1,        SIGN | (INFINITE - 1),       INFINITE, SIGN | INFINITE,
                            QUIET, QUIET | SIGN, INFINITE | SIGNALLING,       INFINITE | SIGNALLING | SIGN};
#else
  static const BITS special[8] = {0, 1, (BITS)-1, HIGHEST, (BITS)(HIGHEST + 1), (BITS)(HIGHEST + 2), HIGHEST / 2 + 1, 3};
#endif
  uint32_t bits = noise(~salt, i);
  return bits < UINT32_C(1) << 29 ? special[bits % COUNT(special)] : OWN(plain)(salt, i);
}

static void OWN(set)(BITS *bits, size_t n, uint32_t salt, BITS (*number)(uint32_t, uint32_t)) {
  size_t i;
  for (i = 0; i < n; i++) bits[i] = number(salt, (uint32_t)i);
}

/* Their bits; of NaNs that were computed one is like another. */
static void OWN(take)(const BITS *bits, size_t n, int copied) {
  size_t i;
  (void)copied;
  for (i = 0; i < n; i++) {
#if FLOATS
    BITS x = bits[i];
    if (!copied && (x & (BITS)~SIGN) > INFINITE) x = INFINITE + 1;
    if (sizeof x == 8) {
      twice(x);
    } else {
      word((uint32_t)x);
    }
#else
    word((uint32_t)(int32_t)(T)bits[i]);
#endif
  }
}

static void OWN(fresh)(size_t n, size_t bits) {
  size_t i;
  OWN(set)(OWN(x).bits, n, 1, OWN(any));
  OWN(set)(OWN(y).bits, n, 3, OWN(plain));
  for (i = 0; i < DK_MASK_WORDS(bits); i++) mask_words[i] = UINT32_C(0xA5A5A5A5);
}

static void OWN(again)(size_t n) {
  OWN(set)(OWN(x).bits, n, 2, OWN(any));
  OWN(set)(OWN(y).bits, n, 4, OWN(plain));
}

struct OWN(rule) {
  enum kind kind;
  dk_rate rate;
  dk_dropout dropout, at_inference;
#if FLOATS
  dk_alpha alpha;
#endif
  const dk_panel *panel; /* or NULL, for elements and layouts */
};

static struct OWN(rule) OWN(rule_of)(enum kind kind, dk_rate rate, int zero) {
  struct OWN(rule) rule;
  rule.kind = kind;
  rule.rate = rate;
  rule.panel = NULL;
  check((kind == CLASSIC || kind == DROP_KEY ? dk_classic : dk_inverted)(&rule.dropout, &rate));
  check((kind == CLASSIC ? dk_classic : dk_inverted)(&rule.at_inference, &rate));
  rule.dropout.zero_point = rule.at_inference.zero_point = zero;
#if FLOATS
  check(dk_alpha_new(&rule.alpha, &rate));
#endif
  return rule;
}

static void OWN(forward)(const struct OWN(rule) *rule, const dk_layout *layout, const T *x, T *y, size_t n,
                         const dk_source *source) {
#if FLOATS
  if (rule->kind == ALPHA) {
    check(layout ? DK(alpha_forward_layout)(&rule->alpha, layout, x, y, source)
                 : DK(alpha_forward)(&rule->alpha, x, y, n, source));
    return;
  }
  if (rule->kind == DROP_KEY) {
    check(layout ? DK(drop_key_forward_layout)(&rule->rate, layout, x, y, source)
                 : DK(drop_key_forward)(&rule->rate, x, y, n, source));
    return;
  }
#endif
  check(rule->panel ? DK(forward_panel)(&rule->dropout, rule->panel, x, y, source)
        : layout    ? DK(forward_layout)(&rule->dropout, layout, x, y, source)
                    : DK(forward)(&rule->dropout, x, y, n, source));
}

static void OWN(backward)(const struct OWN(rule) *rule, const dk_layout *layout, const T *dy, T *dx, size_t n,
                          const dk_source *source) {
#if FLOATS
  if (rule->kind == ALPHA) {
    check(layout ? DK(alpha_backward_layout)(&rule->alpha, layout, dy, dx, source)
                 : DK(alpha_backward)(&rule->alpha, dy, dx, n, source));
    return;
  }
#endif
  check(rule->panel ? DK(backward_panel)(&rule->dropout, rule->panel, dy, dx, source)
        : layout    ? DK(backward_layout)(&rule->dropout, layout, dy, dx, source)
                    : DK(backward)(&rule->dropout, dy, dx, n, source));
}

/* Every way to drop n elements by so many bits: the mask drawn and stored, drawn twice, and the caller's; forward and
 * backward, from another array and in place. */
static void OWN(ways)(const struct OWN(rule) *rule, const dk_layout *layout, size_t n, size_t bits, dk_key key, int copied) {
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  const BITS *xs = OWN(x).bits, *ys = OWN(y).bits;
  dk_source drawn = dk_source_rng(&rng, mask_words, bits), stored = dk_source_mask(mask_words, bits);
  dk_source replayed = dk_source_key(key);
  check(dk_rng_init(&rng, key));

  OWN(fresh)(n, bits);
  OWN(forward)(rule, layout, x, y, n, &drawn);
  OWN(take)(ys, n, copied);
  mask(bits);
  OWN(again)(n);
  OWN(backward)(rule, layout, x, y, n, &stored);
  OWN(take)(ys, n, copied);
  OWN(fresh)(n, bits);
  OWN(forward)(rule, layout, x, x, n, &drawn);
  OWN(take)(xs, n, copied);
  mask(bits);
  OWN(again)(n);
  OWN(backward)(rule, layout, x, x, n, &stored);
  OWN(take)(xs, n, copied);
  generator(&rng);

  OWN(forward)(rule, layout, x, y, n, &stored);
  OWN(take)(ys, n, copied);
  OWN(forward)(rule, layout, y, y, n, &stored);
  OWN(take)(ys, n, copied);

  OWN(fresh)(n, bits);
  OWN(forward)(rule, layout, x, y, n, &replayed);
  OWN(take)(ys, n, copied);
  OWN(forward)(rule, layout, x, x, n, &replayed);
  OWN(take)(xs, n, copied);
  OWN(again)(n);
  OWN(backward)(rule, layout, x, y, n, &replayed);
  OWN(take)(ys, n, copied);
  OWN(backward)(rule, layout, x, x, n, &replayed);
  OWN(take)(xs, n, copied);
}

/* A rule at each rate and length. */
static void OWN(rule_at_all)(enum kind kind, int zero, size_t longest, int copied) {
  size_t r, l;
  for (r = 0; r < CLASSES; r++) {
    struct OWN(rule) rule = OWN(rule_of)(kind, class_of(r), zero);
    for (l = 0; l <= COUNT(LENGTHS); l++) {
      size_t n = l < COUNT(LENGTHS) ? LENGTHS[l] : longest;
      dk_key key = {7, 0};
      key.stream = n;
      OWN(ways)(&rule, NULL, n, n, key, copied);
      OWN(fresh)(n, n);
      check(DK(infer)(&rule.at_inference, OWN(x).numbers, OWN(y).numbers, n));
      OWN(take)(OWN(y).bits, n, 0);
      check(DK(infer)(&rule.at_inference, OWN(x).numbers, OWN(x).numbers, n));
      OWN(take)(OWN(x).bits, n, 0);
    }
  }
}

#if FLOATS
static void OWN(alphas)(void) {
  size_t r, i;
  for (r = 0; r < CLASSES; r++) {
    struct OWN(rule) rule = OWN(rule_of)(ALPHA, class_of(r), 0);
    double numbers[3];
    numbers[0] = rule.alpha.scale;
    numbers[1] = rule.alpha.shift;
    numbers[2] = rule.alpha.dropped;
    for (i = 0; i < 3; i++) {
      uint64_t bits;
      memcpy(&bits, &numbers[i], sizeof bits);
      twice(bits);
    }
  }
}

static void OWN(rule_group)(enum kind kind) {
  if (kind == ALPHA) OWN(alphas)();
  OWN(rule_at_all)(kind, 0, LIMIT, kind == CLASSIC || kind == DROP_KEY);
}
#endif

#if FLOATS
static inline void OWN(group)(enum kind kind, const char *name) {
  begin();
  OWN(rule_group)(kind);
  end(name);
}

static inline void OWN(rules)(void) {
  OWN(rule_group)(INVERTED);
  OWN(rule_group)(CLASSIC);
  OWN(rule_group)(ALPHA);
  OWN(rule_group)(DROP_KEY);
}

static inline void OWN(layouts)(int all) {
  static const enum kind kinds[3] = {INVERTED, ALPHA, DROP_KEY};
  static const dk_key key = {11, 12};
  size_t l, r, k;
  for (l = 0; l < LAYOUTS; l++) {
    struct shape shape = layout_of(l);
    for (r = 0; r < SHAPE_RATES; r++)
      for (k = 0; k < (all ? 3u : 1u); k++) {
        struct OWN(rule) rule = OWN(rule_of)(kinds[k], shape_rate(r), 0);
        OWN(ways)(&rule, &shape.layout, shape.n, shape.bits, key, 0);
      }
  }
}

static void OWN(block_ways)(const dk_drop_block *blocks) {
  static dk_rng rng;
  static const dk_key key = {13, 14};
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  const BITS *xs = OWN(x).bits, *ys = OWN(y).bits;
  size_t maps = blocks->batch, bits, n, axis;
  dk_source drawn, stored;
  dk_rate gamma;
  for (axis = 0; axis < blocks->axes; axis++) maps *= blocks->spatial[axis];
  n = maps * blocks->channels;
  bits = blocks->shared ? maps : n;
  drawn = dk_source_rng(&rng, mask_words, bits);
  stored = dk_source_mask(mask_words, bits);
  check(dk_drop_block_seed_rate(blocks, &gamma));
  twice(gamma.threshold);
  check(dk_rng_init(&rng, key));

  OWN(fresh)(n, bits);
  check(dk_drop_block_fill(blocks, &drawn));
  mask(bits);
  check(DK(drop_block_forward)(blocks, x, y, &drawn));
  OWN(take)(ys, n, 0);
  check(DK(drop_block_forward)(blocks, x, x, &drawn));
  OWN(take)(xs, n, 0);
  mask(bits);
  OWN(again)(n);
  check(DK(drop_block_forward)(blocks, x, y, &stored));
  OWN(take)(ys, n, 0);
  check(DK(drop_block_forward)(blocks, y, y, &stored));
  OWN(take)(ys, n, 0);
  check(DK(drop_block_backward)(blocks, x, y, &stored));
  OWN(take)(ys, n, 0);
  check(DK(drop_block_backward)(blocks, x, x, &stored));
  OWN(take)(xs, n, 0);
}

static inline void OWN(drop_block)(uint32_t per_sample) {
  size_t b, r;
  uint32_t shared;
  for (b = 0; b < BLOCKS; b++)
    for (r = 0; r < SHAPE_RATES; r++)
      for (shared = 0; shared < 2; shared++) {
        dk_drop_block blocks = blocks_of(b);
        blocks.rate = shape_rate(r);
        blocks.shared = shared;
        blocks.per_sample = per_sample;
        OWN(block_ways)(&blocks);
      }
}

#endif

static void OWN(states)(const dk_rate *rate, size_t n) {
  static dk_rng rng;
  static const dk_key start = {23, 24}, key = {23, 25}, next = {23, 26};
  T *prev = OWN(x).numbers, *new_ = OWN(y).numbers, *h = OWN(z).numbers;
  BITS *prevs = OWN(x).bits, *news = OWN(y).bits, *hs = OWN(z).bits;
  dk_source drawn = dk_source_rng(&rng, mask_words, n), stored = dk_source_mask(mask_words, n);
  check(dk_rng_init(&rng, start));

#define FRESH OWN(set)(prevs, n, 9, OWN(any)), OWN(set)(news, n, 10, OWN(any))
  FRESH;
  check(DK(zoneout_forward)(rate, prev, new_, h, n, &drawn));
  OWN(take)(hs, n, 1);
  mask(n);
  check(DK(zoneout_forward)(rate, prev, new_, prev, n, &drawn));
  OWN(take)(prevs, n, 1);
  mask(n);
  check(DK(zoneout_forward)(rate, h, new_, new_, n, &drawn));
  OWN(take)(news, n, 1);
  mask(n);

  FRESH;
  check(DK(zoneout_forward)(rate, prev, new_, h, n, by(key)));
  OWN(take)(hs, n, 1);
  check(DK(zoneout_forward)(rate, prev, new_, prev, n, by(key)));
  OWN(take)(prevs, n, 1);
  check(DK(zoneout_forward)(rate, h, new_, new_, n, by(next)));
  OWN(take)(news, n, 1);

  FRESH;
  check(DK(zoneout_forward)(rate, prev, new_, h, n, &stored));
  OWN(take)(hs, n, 1);
  check(DK(zoneout_forward)(rate, prev, new_, prev, n, &stored));
  OWN(take)(prevs, n, 1);
  FRESH;
  check(DK(zoneout_forward)(rate, prev, new_, new_, n, &stored));
  OWN(take)(news, n, 1);

  OWN(set)(hs, n, 11, OWN(any));
  check(DK(zoneout_backward)(rate, h, prev, new_, n, &stored));
  OWN(take)(prevs, n, 1);
  OWN(take)(news, n, 1);
  check(DK(zoneout_backward)(rate, h, prev, new_, n, by(key)));
  OWN(take)(prevs, n, 1);
  OWN(take)(news, n, 1);
  check(DK(zoneout_backward)(rate, h, prev, h, n, by(key)));
  OWN(take)(hs, n, 1);
  OWN(take)(prevs, n, 1);
  OWN(set)(hs, n, 12, OWN(any));
  check(DK(zoneout_backward)(rate, h, prev, h, n, &stored));
  OWN(take)(hs, n, 1);
  OWN(take)(prevs, n, 1);

  FRESH;
  check(DK(zoneout_infer)(rate, prev, new_, h, n));
  OWN(take)(hs, n, 0);
  check(DK(zoneout_infer)(rate, prev, new_, prev, n));
  OWN(take)(prevs, n, 0);
  OWN(set)(prevs, n, 13, OWN(any));
  check(DK(zoneout_infer)(rate, prev, new_, new_, n));
  OWN(take)(news, n, 0);
#undef FRESH
}

static inline void OWN(zoneout)(void) {
  static const size_t lengths[] = {0, 1, 31, 64, 65, STATES};
  size_t r, l;
  for (r = 0; r < CLASSES; r++) {
    dk_rate rate = class_of(r);
    for (l = 0; l < COUNT(lengths); l++) OWN(states)(&rate, lengths[l]);
  }
}

/* Masks drawn once for three connections of a recurrent layer, and two steps by each. */
static void OWN(steps)(const struct OWN(rule) *rule) {
  static uint32_t words[3][DK_MASK_WORDS(STATES)];
  static const size_t units[3] = {33, UNITS, 1};
  static const dk_key key = {21, 22};
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  const BITS *xs = OWN(x).bits, *ys = OWN(y).bits;
  size_t batch, i;
  uint32_t step;
  check(dk_rng_init(&rng, key));
  for (batch = 1; batch <= BATCH; batch += BATCH - 1) {
    for (i = 0; i < 3; i++) {
      dk_source drawn = dk_source_rng(&rng, words[i], batch * units[i]);
      check(dk_fill(&rule->rate, &drawn));
    }
    for (i = 0; i < 3; i++) {
      size_t n = batch * units[i];
      /* At p = 0 elements keep their bits, by any key. */
      dk_source locked = rule->rate.threshold ? dk_source_mask(words[i], n) : dk_source_key(key);
      mask_of(words[i], n);
      for (step = 0; step < 2; step++) {
        OWN(set)(OWN(x).bits, n, 7 + step, OWN(any));
        OWN(forward)(rule, NULL, x, y, n, &locked);
        OWN(take)(ys, n, 0);
        OWN(backward)(rule, NULL, x, y, n, &locked);
        OWN(take)(ys, n, 0);
        OWN(backward)(rule, NULL, y, y, n, &locked);
        OWN(take)(ys, n, 0);
        OWN(forward)(rule, NULL, x, x, n, &locked);
        OWN(take)(xs, n, 0);
      }
    }
  }
}

static inline void OWN(locked)(void) {
  static const enum kind kinds[3] = {INVERTED, CLASSIC, ALPHA};
  size_t r, k;
  for (r = 0; r < CLASSES; r++)
    for (k = 0; k < 3; k++) {
      struct OWN(rule) rule = OWN(rule_of)(kinds[k], class_of(r), 0);
      OWN(steps)(&rule);
    }
}

static inline void OWN(recurrent)(void) {
  size_t r;
  for (r = 0; r < CLASSES; r++) {
    struct OWN(rule) rule = OWN(rule_of)(INVERTED, class_of(r), 0);
    OWN(steps)(&rule);
  }
  OWN(zoneout)();
}

#if REAL
/* The variance of each y over all masks, which no function of C computes, in the order of additions that is promised. */
static void OWN(variances)(const dk_drop_connect *layer, size_t batch, T *variance) {
  const dk_rate *rate = &layer->dropout.rate;
  const double p = (double)rate->threshold / 1099511627776.0;
  const T scale = sizeof(T) == sizeof(float) ? (T)rate->scale_f32 : (T)rate->scale;
  const T spread = (T)p * (layer->dropout.rule == DK_CLASSIC ? (T)(1 - p) : scale);
  size_t b, r, c, half;
  for (b = 0; b < batch; b++)
    for (r = 0; r < layer->rows; r++) {
      T sums[32] = {0};
      for (c = 0; c < layer->columns; c++) {
        T product = OWN(x).numbers[r * layer->columns + c] * OWN(z).numbers[b * layer->columns + c];
        T square = product * product;
        sums[c % 32] = sums[c % 32] + square;
      }
      for (half = 16; half; half /= 2)
        for (c = 0; c < half; c++) sums[c] = sums[c] + sums[c + half];
      variance[b * layer->rows + r] = spread == 0 ? 0 : sums[0] * spread;
    }
}

/* W is in x, and vectors of its columns in z. */
static void OWN(products)(const dk_drop_connect *layer) {
  static const dk_key replayed = {33, 3}, weights = {33, 4}, input = {33, 5};
  static dk_rng rng;
  T *w = OWN(x).numbers, *x = OWN(z).numbers, *y = OWN(y).numbers;
  size_t bits = layer->rows * layer->columns, batch;
  for (batch = 1; batch <= 2; batch++) {
    size_t inputs = batch * layer->columns, outputs = batch * layer->rows;
    dk_source drawn = dk_source_rng(&rng, mask_words, bits), stored = dk_source_mask(mask_words, bits);
    dk_key key = {33, 0};
    key.stream = batch;
    check(dk_rng_init(&rng, key));
    OWN(set)(OWN(x).bits, bits, 16, OWN(plain));
    OWN(set)(OWN(z).bits, inputs, 17, OWN(plain));

    check(DK(drop_connect_forward)(layer, w, x, y, batch, &drawn));
    OWN(take)(OWN(y).bits, outputs, 0);
    mask(bits);
    check(DK(drop_connect_forward)(layer, w, x, y, batch, &stored));
    OWN(take)(OWN(y).bits, outputs, 0);
    check(DK(drop_connect_forward)(layer, w, x, y, batch, by(replayed)));
    OWN(take)(OWN(y).bits, outputs, 0);
    check(DK(drop_connect_infer)(layer, w, x, y, batch));
    OWN(take)(OWN(y).bits, outputs, 0);
    OWN(variances)(layer, batch, y + outputs);
    OWN(take)(OWN(y).bits, 2 * outputs, 0);

    check(DK(drop_connect_backward_weights)(layer, x, y, w, batch, &stored));
    OWN(take)(OWN(x).bits, bits, 0);
    check(DK(drop_connect_backward_weights)(layer, x, y, w, batch, by(weights)));
    OWN(take)(OWN(x).bits, bits, 0);
    OWN(set)(OWN(x).bits, bits, 18, OWN(plain));
    check(DK(drop_connect_backward_input)(layer, w, y, x, batch, &stored));
    OWN(take)(OWN(z).bits, inputs, 0);
    check(DK(drop_connect_backward_input)(layer, w, y, x, batch, by(input)));
    OWN(take)(OWN(z).bits, inputs, 0);
  }
}

static void OWN(transposed)(const dk_drop_connect *layer) {
  size_t bits = layer->rows * layer->columns, batch;
  for (batch = 1; batch <= 2; batch++) {
    OWN(set)(OWN(x).bits, bits, 16, OWN(plain));
    OWN(set)(OWN(z).bits, batch * layer->rows, 17, OWN(plain));
    check(DK(drop_connect_infer_transposed)(layer, OWN(x).numbers, OWN(z).numbers, OWN(y).numbers, batch));
    OWN(take)(OWN(y).bits, batch * layer->columns, 0);
  }
}
#endif

static void OWN(rectified)(const struct OWN(rule) *rule, size_t n, size_t bits) {
  static const dk_key start = {45, 46}, key = {45, 47};
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  dk_source drawn = dk_source_rng(&rng, mask_words, bits), into = dk_source_key_into(key, mask_words, bits);
  check(dk_rng_init(&rng, start));
  OWN(fresh)(n, bits);
  check(rule->panel ? DK(forward_relu_panel)(&rule->dropout, rule->panel, x, y, &drawn)
                    : DK(forward_relu)(&rule->dropout, x, y, n, &drawn));
  OWN(take)(OWN(y).bits, n, 0);
  mask(bits);
  check(rule->panel ? DK(forward_relu_panel)(&rule->dropout, rule->panel, x, x, &into)
                    : DK(forward_relu)(&rule->dropout, x, x, n, &into));
  OWN(take)(OWN(x).bits, n, 0);
  mask(bits);
  generator(&rng);
}

/* Rows of a larger matrix in every way, and ReLU. */
static void OWN(rows)(void) {
  static const dk_key key = {43, 44};
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  size_t i, r;
  for (i = 0; i < PANELS; i++)
    for (r = 0; r < SHAPE_RATES; r++) {
      struct OWN(rule) rule = OWN(rule_of)(INVERTED, shape_rate(r), 0);
      struct rows rows = rows_of(i);
      rule.panel = &rows.panel;
      OWN(ways)(&rule, NULL, rows.n, rows.bits, key, 0);
      OWN(fresh)(rows.n, rows.bits);
      check(DK(infer_panel)(&rule.dropout, rule.panel, x, y));
      OWN(take)(OWN(y).bits, rows.n, 0);
      check(DK(infer_panel)(&rule.dropout, rule.panel, x, x));
      OWN(take)(OWN(x).bits, rows.n, 0);
      OWN(rectified)(&rule, rows.n, rows.bits);
      rule.panel = NULL;
      OWN(rectified)(&rule, rows.elements, rows.elements);
    }
}

#if FLOATS
static union {
  T numbers[WIDEST];
  BITS bits[WIDEST];
} OWN(bias);
static FACTOR OWN(dbias)[WIDEST];

static void OWN(sum)(const struct OWN(rule) *rule, const struct rows *rows, const T *x, const T *residual, T *y,
                     const dk_source *source) {
  const T *bias = OWN(bias).numbers;
  size_t width = rows->panel.width, stride = rows->residual_stride;
  check(rule->panel ? DK(bias_dropout_add_panel)(&rule->dropout, rule->panel, x, bias, residual, stride, y, source)
                    : DK(bias_dropout_add)(&rule->dropout, x, bias, width, residual, y, rows->elements, source));
}

static void OWN(sum_infer)(const struct OWN(rule) *rule, const struct rows *rows, const T *x, const T *residual, T *y) {
  const T *bias = OWN(bias).numbers;
  size_t width = rows->panel.width, stride = rows->residual_stride;
  check(rule->panel ? DK(bias_dropout_add_infer_panel)(&rule->dropout, rule->panel, x, bias, residual, stride, y)
                    : DK(bias_dropout_add_infer)(&rule->dropout, x, bias, width, residual, y, rows->elements));
}

static void OWN(sum_backward)(const struct OWN(rule) *rule, const struct rows *rows, const T *dy, T *dx,
                              const dk_source *source) {
  FACTOR *dbias = OWN(dbias);
  size_t width = rows->panel.width;
  check(rule->panel ? DK(bias_dropout_add_backward_panel)(&rule->dropout, rule->panel, dy, dx, dbias, source)
                    : DK(bias_dropout_add_backward)(&rule->dropout, dy, dx, dbias, width, rows->elements, source));
}

/* Sums with a bias and a residual, of n elements by so many bits. */
static void OWN(sums)(const struct OWN(rule) *rule, const struct rows *rows, size_t n, size_t bits) {
  static const dk_key start = {48, 50}, key = {48, 49};
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers, *residual = OWN(z).numbers;
  const BITS *xs = OWN(x).bits, *ys = OWN(y).bits;
  size_t width = rows->panel.width;
  dk_source drawn = dk_source_rng(&rng, mask_words, bits), stored = dk_source_mask(mask_words, bits);
  OWN(set)(OWN(bias).bits, width, 20, OWN(plain));
  JOIN(set_, FACTOR)(OWN(dbias), width, 21);
  OWN(set)(OWN(z).bits, n, 22, OWN(any));
  check(dk_rng_init(&rng, start));

  OWN(fresh)(n, bits);
  OWN(sum)(rule, rows, x, residual, y, &drawn);
  OWN(take)(ys, n, 0);
  mask(bits);
  OWN(sum)(rule, rows, x, NULL, y, by(key));
  OWN(take)(ys, n, 0);
  OWN(sum)(rule, rows, x, y, y, &stored);
  OWN(take)(ys, n, 0);
  OWN(sum_infer)(rule, rows, x, residual, y);
  OWN(take)(ys, n, 0);
  OWN(sum_infer)(rule, rows, x, NULL, x);
  OWN(take)(xs, n, 0);
  OWN(sum)(rule, rows, x, residual, x, by(key));
  OWN(take)(xs, n, 0);

  OWN(again)(n);
  OWN(set)(OWN(x).bits, n, 23, OWN(plain));
  OWN(sum_backward)(rule, rows, x, y, &stored);
  OWN(take)(ys, n, 0);
  JOIN(take_, FACTOR)(OWN(dbias), width);
  OWN(sum_backward)(rule, rows, x, x, by(key));
  OWN(take)(xs, n, 0);
  JOIN(take_, FACTOR)(OWN(dbias), width);
  generator(&rng);
}

/* What is added to what is there. */
static void OWN(added)(const struct OWN(rule) *rule, size_t n) {
  static const dk_key start = {51, 52}, key = {51, 53};
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  dk_source drawn = dk_source_rng(&rng, mask_words, n), stored = dk_source_mask(mask_words, n);
  check(dk_rng_init(&rng, start));
  OWN(fresh)(n, n);
  check(DK(forward_add)(&rule->dropout, x, y, n, &drawn));
  OWN(take)(OWN(y).bits, n, 0);
  check(DK(forward_add)(&rule->dropout, x, y, n, by(key)));
  OWN(take)(OWN(y).bits, n, 0);
  check(DK(backward_add)(&rule->dropout, x, y, n, &stored));
  OWN(take)(OWN(y).bits, n, 0);
  generator(&rng);
}

/* Lengths around a step of all lanes and two. */
static const size_t OWN(steps_of_lanes)[] = {0, 1, 15, 16, 17, 33, 129};

static void OWN(gates)(const JOIN(dk_concrete_, OF) * layer) {
  static const dk_key start = {54, 55}, key = {54, 56};
  static dk_rng rng, before;
  T *x = OWN(x).numbers, *y = OWN(y).numbers, *dx = OWN(z).numbers;
  dk_source drawn = dk_source_noise(&rng), again = dk_source_noise(&before);
  FACTOR to_logit;
  size_t l;
  check(dk_rng_init(&rng, start));
  for (l = 0; l < COUNT(OWN(steps_of_lanes)); l++) {
    size_t n = OWN(steps_of_lanes)[l];
    before = rng;
    OWN(fresh)(n, 0);
    check(DK(concrete_forward)(layer, x, y, n, &drawn));
    OWN(take)(OWN(y).bits, n, 0);
    check(DK(concrete_forward)(layer, x, x, n, by(key)));
    OWN(take)(OWN(x).bits, n, 0);
    OWN(set)(OWN(x).bits, n, 24, OWN(plain));
    OWN(set)(OWN(y).bits, n, 25, OWN(plain));
    check(DK(concrete_backward)(layer, x, y, dx, n, &to_logit, &again));
    OWN(take)(OWN(z).bits, n, 0);
    JOIN(take_, FACTOR)(&to_logit, 1);
    check(DK(concrete_backward)(layer, x, y, y, n, &to_logit, by(key)));
    OWN(take)(OWN(y).bits, n, 0);
    JOIN(take_, FACTOR)(&to_logit, 1);
    generator(&before);
  }
}

static void OWN(shaken)(const dk_embedding_noise *noise) {
  static const dk_key start = {57, 58}, key = {57, 59};
  static dk_rng rng;
  T *x = OWN(x).numbers, *y = OWN(y).numbers;
  dk_source drawn = dk_source_noise(&rng);
  size_t l;
  check(dk_rng_init(&rng, start));
  for (l = 0; l < COUNT(OWN(steps_of_lanes)); l++) {
    size_t n = OWN(steps_of_lanes)[l];
    OWN(fresh)(n, 0);
    check(DK(embedding_noise_forward)(noise, x, y, n, &drawn));
    OWN(take)(OWN(y).bits, n, 0);
    check(DK(embedding_noise_forward)(noise, x, x, n, by(key)));
    OWN(take)(OWN(x).bits, n, 0);
  }
  generator(&rng);
}

/* Numbers that are drawn in place of a mask: the gates of a rate that is learned, and noise on embeddings. */
static void OWN(drawn_numbers)(void) {
  static const float layers[][2] = {{0.1f, 0.1f}, {0.5f, 0.7f}, {0.9f, 0.1f}, {1e-6f, 0.3f}};
  static const dk_embedding_noise noises[] = {{5, 3, 43}, {10, 1, 1}, {15, 512, 768}, {5, 0, 9}};
  size_t i;
  for (i = 0; i < COUNT(layers); i++) {
    JOIN(dk_concrete_, OF) layer;
    JOIN(dk_penalty_, OF) penalty;
    FACTOR p;
    check(JOIN(dk_concrete_new_, OF)(&layer, layers[i][0], layers[i][1]));
    check(JOIN(dk_concrete_p_, OF)(&layer, &p));
    check(JOIN(dk_concrete_penalty_, OF)(&layer, 30, 100, 1e-4f, 2e-3f, &penalty));
    JOIN(take_, FACTOR)(&layer.logit, 1);
    JOIN(take_, FACTOR)(&p, 1);
    JOIN(take_, FACTOR)(&penalty.value, 1);
    JOIN(take_, FACTOR)(&penalty.to_logit, 1);
    JOIN(take_, FACTOR)(&penalty.to_weights, 1);
    OWN(gates)(&layer);
  }
  for (i = 0; i < COUNT(noises); i++) OWN(shaken)(&noises[i]);
}
#endif

/* What is fused with dropout, over elements and over rows of a larger matrix. */
static void OWN(fused)(void) {
  OWN(rows)();
#if FLOATS
  {
    size_t i, r;
    for (i = 0; i < PANELS; i++)
      for (r = 0; r < SHAPE_RATES; r++) {
        struct OWN(rule) rule = OWN(rule_of)(INVERTED, shape_rate(r), 0);
        struct rows rows = rows_of(i);
        rule.panel = &rows.panel;
        OWN(sums)(&rule, &rows, rows.n, rows.bits);
        rule.panel = NULL;
        OWN(sums)(&rule, &rows, rows.elements, rows.elements);
        OWN(added)(&rule, rows.elements);
      }
  }
#endif
}

#if !FLOATS
static void OWN(rules)(void) {
  size_t r, l;
  OWN(rule_at_all)(INVERTED, 0, LIMIT, 0);
  OWN(rule_at_all)(CLASSIC, 0, LIMIT, 1);
  for (r = 0; r < CLASSES; r++) {
    dk_rate rate = class_of(r);
    struct OWN(rule) rule = OWN(rule_of)(INVERTED, rate, 0);
    int32_t m, shift;
    check(dk_rate_multiplier(&rate, &m, &shift));
    twice((uint64_t)(int64_t)m << 32 | (uint64_t)(int64_t)shift);
    for (l = 0; l < COUNT(LENGTHS); l++) {
      size_t n = LENGTHS[l];
      dk_key key = {7, 0}, rounding = {8, 0};
      key.stream = rounding.stream = n;
      OWN(fresh)(n, n);
      check(DK(forward_stochastic)(&rule.dropout, OWN(x).numbers, OWN(y).numbers, n, by(key), rounding));
      OWN(take)(OWN(y).bits, n, 1);
      check(DK(backward_stochastic)(&rule.dropout, OWN(x).numbers, OWN(x).numbers, n, by(key), rounding));
      OWN(take)(OWN(x).bits, n, 1);
    }
  }
}

#if HIGHEST == 0x7F
static void zero_points(void) {
  static const dk_key key = {7, 8};
  size_t r;
  OWN(rule_at_all)(INVERTED, -100, SHORT, 1);
  OWN(rule_at_all)(CLASSIC, 5, SHORT, 1);
  for (r = 0; r < CLASSES; r++) {
    struct OWN(rule) rule = OWN(rule_of)(INVERTED, class_of(r), 127);
    OWN(fresh)(640, 640);
    check(DK(forward_stochastic)(&rule.dropout, OWN(x).numbers, OWN(y).numbers, 640, by(key), key));
    OWN(take)(OWN(y).bits, 640, 1);
  }
}
#endif
#endif

#undef NAME
#undef T
#undef BITS
#undef FLOATS
#undef REAL
#undef FACTOR
#undef OF
#undef LIMIT
#undef SIGN
#undef INFINITE
#undef LEAST
#undef SMALL
#undef QUIET
#undef SIGNALLING
#undef PLAIN
#undef HIGHEST
