/* What the header promises: constants, statuses, in place, generators, checkpoints. C99 and C++11. */
#include <dropout_kernels.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N 100

static int failures;
static int said[38]; /* which statuses were seen, by their negative */

/* The first ones are enough. */
#define CHECK(condition) \
  ((condition) || failures++ > 20 ? (void)0 : (void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition))
#define OK(call) CHECK((call) == DK_OK)

static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.1f));
static const dk_dropout CLASSIC = DK_DROPOUT_CLASSIC(DK_RATE(0.1f));
static const dk_dropout NO_RATE = DK_DROPOUT_INVERTED(DK_RATE(1.5));
static dk_dropout never_made;
static dk_rng never_seeded;

static float x[N], y[N], z[N];
static double dx[N], dy[N];
static uint16_t hx[N], hy[N];
static int8_t bx[N], by[N];
static uint32_t words[DK_MASK_WORDS(N)];
static dk_rng rng;

/* All that a refused call might have written. */
struct state {
  float x[N], y[N], z[N];
  int8_t by[N];
  uint32_t words[DK_MASK_WORDS(N)];
  dk_rng rng;
};

static void keep(struct state *state) {
  memcpy(state->x, x, sizeof x);
  memcpy(state->y, y, sizeof y);
  memcpy(state->z, z, sizeof z);
  memcpy(state->by, by, sizeof by);
  memcpy(state->words, words, sizeof words);
  state->rng = rng;
}

static void refused(int line, dk_status expected, dk_status status, const struct state *before) {
  static struct state after;
  keep(&after);
  if (status != expected) {
    failures++;
    printf("%s:%d: expected \"%s\", got \"%s\"\n", __FILE__, line, dk_status_name(expected), dk_status_name(status));
  }
  if (memcmp(before, &after, sizeof after) != 0) {
    failures++;
    printf("%s:%d: a refused call wrote something\n", __FILE__, line);
  }
  if (status <= 0 && status > -38) said[-status] = 1;
}

static struct state before;
#define REFUSED(status, call) (keep(&before), refused(__LINE__, status, call, &before))

static dk_key key(uint64_t seed, uint64_t stream) {
  dk_key made;
  made.seed = seed;
  made.stream = stream;
  return made;
}

/* A source that is named nowhere else. */
static const dk_source *at(dk_source source) {
  static dk_source kept;
  kept = source;
  return &kept;
}

static void fresh(void) {
  size_t i;
  for (i = 0; i < N; i++) {
    x[i] = (float)i - 50;
    y[i] = z[i] = -1;
    dx[i] = x[i];
    hx[i] = (uint16_t)(0x3C00 + i);
    bx[i] = (int8_t)((int)i - 50);
    by[i] = 77;
  }
  memset(words, 0xA5, sizeof words);
  OK(dk_rng_init(&rng, key(42, 0)));
}

static void constants(void) {
  static const dk_rate rates[] = {DK_RATE(0.0f), DK_RATE(0.1f),  DK_RATE(0.3f), DK_RATE(0.5f), DK_RATE(0.9f),
                                  DK_RATE(1.0f), DK_RATE(1e-9f), DK_RATE(0.1),  DK_RATE(0.7),  DK_RATE(1e-12),
                                  DK_RATE(4.5e-13), DK_RATE(1 - 1e-13), DK_RATE(0.123456789123456), DK_RATE(1.0 / 3)};
  static const float singles[] = {0.0f, 0.1f, 0.3f, 0.5f, 0.9f, 1.0f, 1e-9f};
  static const double doubles[] = {0.1, 0.7, 1e-12, 4.5e-13, 1 - 1e-13, 0.123456789123456, 1.0 / 3};
  size_t i;
  dk_rate rate;
  for (i = 0; i < 14; i++) {
    OK(i < 7 ? dk_rate_from_f32(&rate, singles[i]) : dk_rate_from_f64(&rate, doubles[i - 7]));
    CHECK(rate.threshold == rates[i].threshold);
    CHECK(rate.scale == rates[i].scale);
    CHECK(rate.scale_f32 == rates[i].scale_f32);
    CHECK(rate.made == rates[i].made);
  }
  CHECK(HIDDEN.rate.made == DK_MADE && HIDDEN.rule == DK_INVERTED && HIDDEN.zero_point == 0);
  OK(dk_rate_from_ratio(&rate, 1, 4));
  CHECK(rate.threshold == UINT64_C(1) << 38);
  OK(dk_rate_from_threshold(&rate, UINT64_C(1) << 38));
  CHECK(rate.scale_f32 == 4.0f / 3.0f);
  CHECK(sizeof(dk_rng) == 256 && sizeof(dk_key) == 16 && sizeof(dk_rate) == 24 && sizeof(dk_dropout) == 32);
  CHECK(DK_MASK_WORDS(0) == 0 && DK_MASK_WORDS(1) == 1 && DK_MASK_WORDS(32) == 1 && DK_MASK_WORDS(33) == 2);
  CHECK(dk_version() == DK_VERSION && dk_stream_version() == DK_STREAM_VERSION);
  CHECK(strlen(dk_backend()) > 2);
}

/* docs/STREAM.md: seed 42, stream 0, p = 0.1f. */
static void stream(void) {
  static const uint32_t expected[] = {0xfeffafbf, 0x7fffb7ff, 0xffffffff, 0x0000000f};
  size_t i, kept = 0;
  fresh();
  OK(dk_fill(&HIDDEN.rate, at(dk_source_rng(&rng, words, N))));
  CHECK(memcmp(words, expected, sizeof expected) == 0);
  memset(words, 0, sizeof words);
  OK(dk_fill(&HIDDEN.rate, at(dk_source_key_into(key(42, 0), words, N))));
  CHECK(memcmp(words, expected, sizeof expected) == 0);
  for (i = 0; i < N; i++) kept += (size_t)dk_mask_get(words, i);
  CHECK(kept == dk_mask_count_kept(words, N));
  dk_mask_set(words, 33, 0);
  CHECK(dk_mask_get(words, 33) == 0 && dk_mask_count_kept(words, N) == kept - 1);
  dk_mask_set(words, 33, 1);
  CHECK(memcmp(words, expected, sizeof expected) == 0);
}

static void keys(void) {
  static const dk_index path[] = {{1000, UINT64_C(1) << 32}, {3, 12}, {17, 64}};
  static const dk_index full[] = {{5, UINT64_C(1) << 32}, {6, UINT64_C(1) << 32}, {0, 1}};
  static const dk_index much[] = {{5, UINT64_C(1) << 32}, {6, UINT64_C(1) << 32}, {0, 2}};
  static const dk_index past[] = {{5, UINT64_C(1) << 32}, {6, UINT64_C(1) << 32}, {1, 1}};
  dk_key made;
  OK(dk_key_at(&made, 42, path, 3));
  CHECK(made.seed == 42 && made.stream == (UINT64_C(1000) * 12 + 3) * 64 + 17);
  OK(dk_key_at(&made, 7, NULL, 0));
  CHECK(made.seed == 7 && made.stream == 0);
  OK(dk_key_at(&made, 42, full, 3));
  CHECK(made.stream == ((UINT64_C(5) << 32) | 6));
  REFUSED(DK_OVERFLOW, dk_key_at(&made, 42, much, 3));
  REFUSED(DK_INDEX, dk_key_at(&made, 42, past, 3));
  REFUSED(DK_NULL, dk_key_at(&made, 42, NULL, 3));
  CHECK(made.stream == ((UINT64_C(5) << 32) | 6));
  CHECK(dk_key_fold(key(42, 0), 1).seed == 42 && dk_key_fold(key(42, 0), 1).stream != dk_key_fold(key(42, 0), 2).stream);
}

/* From another array and in place, from each source. */
static void sources(void) {
  size_t i;
  static float copy[N];
  dk_source each[4];
  fresh();
  OK(dk_fill(&HIDDEN.rate, at(dk_source_rng(&rng, words, N))));
  each[0] = dk_source_key(key(42, 0));
  each[1] = dk_source_mask(words, N);
  each[2] = dk_source_key_into(key(42, 0), words, N);
  each[3] = dk_source_rng(&rng, words, N);
  for (i = 0; i < 4; i++) {
    OK(dk_rng_init(&rng, key(42, 0)));
    memcpy(copy, x, sizeof copy);
    OK(dk_forward_f32(&HIDDEN, x, y, N, &each[i]));
    OK(dk_rng_init(&rng, key(42, 0)));
    OK(dk_forward_f32(&HIDDEN, copy, copy, N, &each[i]));
    CHECK(memcmp(y, copy, sizeof y) == 0);
    if (i == 0) memcpy(z, y, sizeof y);
    CHECK(memcmp(y, z, sizeof y) == 0);
  }
  for (i = 0; i < N; i++) CHECK(y[i] == (dk_mask_get(words, i) ? x[i] * HIDDEN.rate.scale_f32 : 0));
  OK(dk_backward_f32(&HIDDEN, x, y, N, &each[0]));
  CHECK(memcmp(y, z, sizeof y) == 0);
  OK(dk_infer_f32(&HIDDEN, x, y, N));
  CHECK(memcmp(x, y, sizeof y) == 0);
  OK(dk_infer_f32(&CLASSIC, x, y, N));
  CHECK(y[0] == x[0] * 0.9f);
  /* A window of the mask that begins at any bit, and at a whole word. */
  OK(dk_forward_f32(&HIDDEN, x, y, N, &each[1]));
  for (i = 0; i < 40; i++) {
    OK(dk_forward_f32(&HIDDEN, x + i, z, N - i, at(dk_source_window(words, i, N - i))));
    CHECK(memcmp(z, y + i, (N - i) * sizeof *z) == 0);
  }
}

/* A generator that is aligned to 4 bytes only. */
static void alignment(void) {
  static uint32_t memory[96];
  size_t offset;
  fresh();
  OK(dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_rng(&rng, words, N))));
  OK(dk_forward_f32(&HIDDEN, x, z, N, at(dk_source_rng(&rng, words, N))));
  for (offset = 0; offset < 20; offset++) {
    dk_rng *other = (dk_rng *)(void *)(memory + offset);
    static float first[N], second[N];
    OK(dk_rng_init(other, key(42, 0)));
    OK(dk_forward_f32(&HIDDEN, x, first, N, at(dk_source_rng(other, words, N))));
    OK(dk_forward_f32(&HIDDEN, x, second, N, at(dk_source_rng(other, words, N))));
    CHECK(memcmp(first, y, sizeof y) == 0 && memcmp(second, z, sizeof z) == 0);
    CHECK(memcmp(other, &rng, sizeof rng) == 0);
  }
}

/* What is fused has the bits of its separate passes. */
static void fused(void) {
  static float bias[20], residual[N], sum[N], dbias[20], expected[20];
  dk_source source = dk_source_key(key(1, 2));
  size_t i;
  fresh();
  for (i = 0; i < N; i++) residual[i] = (float)(i * i) / 7;
  for (i = 0; i < 20; i++) bias[i] = (float)i / 3;
  for (i = 0; i < N; i++) sum[i] = x[i] + bias[i % 20];
  OK(dk_forward_f32(&HIDDEN, sum, z, N, &source));
  OK(dk_bias_dropout_add_f32(&HIDDEN, x, bias, 20, NULL, y, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0);
  for (i = 0; i < N; i++) z[i] = residual[i] + z[i];
  OK(dk_bias_dropout_add_f32(&HIDDEN, x, bias, 20, residual, y, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0);
  memcpy(y, residual, sizeof y); /* the residual is overwritten */
  OK(dk_bias_dropout_add_f32(&HIDDEN, x, bias, 20, y, y, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0);
  memcpy(y, x, sizeof y); /* and x is */
  OK(dk_bias_dropout_add_f32(&HIDDEN, y, bias, 20, residual, y, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0);
  OK(dk_bias_dropout_add_infer_f32(&HIDDEN, x, bias, 20, residual, y, N));
  for (i = 0; i < N; i++) CHECK(y[i] == residual[i] + sum[i]);

  OK(dk_backward_f32(&HIDDEN, x, z, N, &source));
  for (i = 0; i < 20; i++) dbias[i] = expected[i] = 1;
  for (i = 0; i < N; i++) expected[i % 20] += z[i];
  OK(dk_bias_dropout_add_backward_f32(&HIDDEN, x, y, dbias, 20, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0 && memcmp(dbias, expected, sizeof dbias) == 0);
  for (i = 0; i < 20; i++) dbias[i] = 1;
  memcpy(y, x, sizeof y);
  OK(dk_bias_dropout_add_backward_f32(&HIDDEN, y, y, dbias, 20, N, &source));
  CHECK(memcmp(y, z, sizeof y) == 0 && memcmp(dbias, expected, sizeof dbias) == 0);

  memcpy(y, residual, sizeof y);
  OK(dk_forward_add_f32(&HIDDEN, x, y, N, &source));
  for (i = 0; i < N; i++) CHECK(y[i] == residual[i] + z[i]);
  OK(dk_backward_add_f32(&HIDDEN, x, y, N, &source));
  for (i = 0; i < N; i++) CHECK(y[i] == residual[i] + z[i] + z[i]);

  OK(dk_forward_relu_f32(&HIDDEN, x, y, N, at(dk_source_key_into(key(1, 2), words, N))));
  for (i = 0; i < N; i++) CHECK(y[i] == (x[i] > 0 ? z[i] : 0) && (x[i] > 0 || !dk_mask_get(words, i)));
  memcpy(y, x, sizeof y);
  OK(dk_forward_relu_f32(&HIDDEN, y, y, N, at(dk_source_key_into(key(1, 2), words, N))));
  for (i = 0; i < N; i++) CHECK(y[i] == (x[i] > 0 ? z[i] : 0));
}

/* Rows 1 to 3 and columns 2 to 8 of ten rows of ten. */
static void panels(void) {
  static const dk_panel panel = {3, 7, 10, 10, 10};
  size_t i;
  fresh();
  OK(dk_fill(&HIDDEN.rate, at(dk_source_rng(&rng, words, N))));
  OK(dk_forward_f32(&HIDDEN, x, z, N, at(dk_source_mask(words, N))));
  OK(dk_forward_panel_f32(&HIDDEN, &panel, x + 12, y + 12, at(dk_source_window(words, 12, 27))));
  for (i = 0; i < N; i++) {
    int inside = i / 10 >= 1 && i / 10 < 4 && i % 10 >= 2 && i % 10 < 9;
    CHECK(y[i] == (inside ? z[i] : -1));
  }
  memcpy(y, x, sizeof y);
  OK(dk_backward_panel_f32(&HIDDEN, &panel, y + 12, y + 12, at(dk_source_window(words, 12, 27))));
  OK(dk_infer_panel_f32(&CLASSIC, &panel, y + 12, y + 12));
  for (i = 0; i < N; i++) {
    int inside = i / 10 >= 1 && i / 10 < 4 && i % 10 >= 2 && i % 10 < 9;
    CHECK(y[i] == (inside ? z[i] * 0.9f : x[i]));
  }
}

/* The same rows, rectified, and with a bias and a residual whose rows stand together. */
static void fused_panels(void) {
  static const dk_panel panel = DK_PANEL_WITHIN(3, 7, 10);
  static float bias[7], residual[21], dbias[7], expected[7], sum[N];
  static const size_t strides[] = {7, 0, 10};
  size_t i, s;
  fresh();
  CHECK(panel.x_stride == 10 && panel.y_stride == 10 && panel.mask_stride == 10);
  OK(dk_forward_relu_panel_f32(&HIDDEN, &panel, x + 12, y + 12, at(dk_source_rng(&rng, words, 27))));
  OK(dk_forward_panel_f32(&HIDDEN, &panel, x + 12, z + 12, at(dk_source_key(key(42, 0)))));
  for (i = 0; i < N; i++) {
    int inside = i / 10 >= 1 && i / 10 < 4 && i % 10 >= 2 && i % 10 < 9;
    CHECK(y[i] == (!inside ? -1 : x[i] > 0 ? z[i] : 0));
    CHECK(!inside || x[i] > 0 || !dk_mask_get(words, i - 12));
  }
  memcpy(y, x, sizeof y);
  OK(dk_forward_relu_panel_f32(&HIDDEN, &panel, y + 12, y + 12, at(dk_source_key_into(key(42, 0), words, 27))));
  for (i = 0; i < N; i++) {
    int inside = i / 10 >= 1 && i / 10 < 4 && i % 10 >= 2 && i % 10 < 9;
    CHECK(y[i] == (!inside ? x[i] : x[i] > 0 ? z[i] : 0));
  }

  for (i = 0; i < 7; i++) bias[i] = (float)i / 3, dbias[i] = expected[i] = 1;
  for (i = 0; i < 21; i++) residual[i] = (float)(i * i) / 7;
  for (i = 0; i < N; i++) sum[i] = i % 10 >= 2 && i % 10 < 9 ? x[i] + bias[i % 10 - 2] : 0;
  OK(dk_forward_panel_f32(&HIDDEN, &panel, sum + 12, z + 12, at(dk_source_key(key(42, 0)))));
  /* Rows that stand together, one row for all, and where y was. */
  for (s = 0; s < 3; s++) {
    for (i = 0; i < N; i++) y[i] = (float)i;
    OK(dk_bias_dropout_add_panel_f32(&HIDDEN, &panel, x + 12, bias, s == 2 ? y + 12 : residual, strides[s], y + 12,
                                     at(dk_source_key(key(42, 0)))));
    for (i = 0; i < N; i++) {
      int inside = i / 10 >= 1 && i / 10 < 4 && i % 10 >= 2 && i % 10 < 9;
      float added = s == 2 || !inside ? (float)i : residual[(i / 10 - 1) * strides[s] + i % 10 - 2];
      CHECK(y[i] == (inside ? added + z[i] : (float)i));
    }
  }
  OK(dk_bias_dropout_add_infer_panel_f32(&HIDDEN, &panel, x + 12, bias, residual, 7, y + 12));
  for (i = 0; i < 21; i++) CHECK(y[12 + i / 7 * 10 + i % 7] == residual[i] + sum[12 + i / 7 * 10 + i % 7]);
  OK(dk_backward_panel_f32(&HIDDEN, &panel, x + 12, z + 12, at(dk_source_key(key(42, 0)))));
  OK(dk_bias_dropout_add_backward_panel_f32(&HIDDEN, &panel, x + 12, y + 12, dbias, at(dk_source_key(key(42, 0)))));
  for (i = 0; i < 21; i++) {
    CHECK(y[12 + i / 7 * 10 + i % 7] == z[12 + i / 7 * 10 + i % 7]);
    expected[i % 7] += z[12 + i / 7 * 10 + i % 7];
  }
  CHECK(memcmp(dbias, expected, sizeof dbias) == 0);
}

/* FNV-1a over the words of floats. */
static uint32_t sum_of(const float *numbers, size_t n) {
  uint32_t hash = UINT32_C(0x811C9DC5), bits;
  size_t i;
  for (i = 0; i < n; i++) {
    memcpy(&bits, numbers + i, sizeof bits);
    hash = (hash ^ bits) * UINT32_C(0x01000193);
  }
  return hash;
}

static void alphas(void) {
  dk_alpha alpha, other;
  OK(dk_alpha_new(&alpha, &HIDDEN.rate));
  OK(dk_alpha_of(&other, &HIDDEN.rate, 0, 1));
  CHECK(memcmp(&alpha, &other, sizeof alpha) == 0);
  OK(dk_alpha_of(&other, &HIDDEN.rate, 0.5, 4));
  CHECK(other.scale > alpha.scale && other.scale < 1.1);
  REFUSED(DK_MEAN, dk_alpha_of(&other, &HIDDEN.rate, NAN, 1));
  REFUSED(DK_VARIANCE, dk_alpha_of(&other, &HIDDEN.rate, 0, 0));
  REFUSED(DK_NOT_MADE, dk_alpha_of(&other, &NO_RATE.rate, 0, 1));
  REFUSED(DK_NULL, dk_alpha_of(NULL, &HIDDEN.rate, 0, 1));
  CHECK(other.scale > alpha.scale);
}

/* Two samples of which each has a factor of its own. */
static void samples(void) {
  static const dk_drop_block blocks = {DK_RATE(0.3f), 3, 2, 1, 2, {5, 10, 0}, 0, 1};
  size_t i, kept[2] = {0, 0};
  fresh();
  OK(dk_drop_block_forward_f32(&blocks, x, y, at(dk_source_rng(&rng, words, N))));
  for (i = 0; i < N; i++) kept[i / 50] += (size_t)dk_mask_get(words, i);
  CHECK(kept[0] > 0 && kept[1] > 0 && kept[0] != kept[1]);
  for (i = 0; i < N; i++) CHECK(y[i] == (dk_mask_get(words, i) ? x[i] * (50 / (float)kept[i / 50]) : 0));
}

/* Of a layer of 4 x 5 weights and three vectors, all exact. */
static void products(void) {
  static dk_drop_connect layer = {DK_DROPOUT_INVERTED(DK_RATE(0.5f)), 4, 5}, bad, huge;
  static float w[20], dw[20], in[15], out[12], expected[20];
  size_t b, r, c;
  dk_source source = dk_source_key(key(7, 1));
  fresh();
  OK(dk_fill(&layer.dropout.rate, at(dk_source_key_into(key(7, 1), words, 20))));
  for (c = 0; c < 20; c++) w[c] = (float)c - 8, dw[c] = expected[c] = 1;
  for (c = 0; c < 15; c++) in[c] = (float)(c % 4) - 1;
  OK(dk_drop_connect_forward_f32(&layer, w, in, out, 3, &source));
  for (b = 0; b < 3; b++)
    for (r = 0; r < 4; r++) {
      float sum = 0;
      for (c = 0; c < 5; c++) sum += dk_mask_get(words, r * 5 + c) ? 2 * w[r * 5 + c] * in[b * 5 + c] : 0;
      CHECK(out[b * 4 + r] == sum);
    }
  OK(dk_drop_connect_backward_weights_f32(&layer, in, out, dw, 3, at(dk_source_mask(words, 20))));
  for (b = 0; b < 3; b++)
    for (c = 0; c < 20; c++) expected[c] += dk_mask_get(words, c) ? 2 * out[b * 4 + c / 5] * in[b * 5 + c % 5] : 0;
  CHECK(memcmp(dw, expected, sizeof dw) == 0);
  OK(dk_drop_connect_backward_input_f32(&layer, w, out, in, 3, &source));
  for (b = 0; b < 3; b++)
    for (c = 0; c < 5; c++) {
      float sum = 0;
      for (r = 0; r < 4; r++) sum += dk_mask_get(words, r * 5 + c) ? 2 * w[r * 5 + c] * out[b * 4 + r] : 0;
      CHECK(in[b * 5 + c] == sum);
    }
  for (c = 0; c < 15; c++) in[c] = (float)(c % 4) - 1;
  OK(dk_drop_connect_infer_f32(&layer, w, in, out, 3));
  for (b = 0; b < 3; b++)
    for (r = 0; r < 4; r++) {
      float sum = 0;
      for (c = 0; c < 5; c++) sum += w[r * 5 + c] * in[b * 5 + c];
      CHECK(out[b * 4 + r] == sum);
    }
  layer.dropout.rule = DK_CLASSIC;
  OK(dk_drop_connect_infer_transposed_f32(&layer, w, out, in, 3));
  for (b = 0; b < 3; b++)
    for (c = 0; c < 5; c++) {
      float sum = 0;
      for (r = 0; r < 4; r++) sum += w[r * 5 + c] * out[b * 4 + r];
      CHECK(in[b * 5 + c] == sum / 2);
    }
  bad = layer, huge = layer;
  bad.dropout.zero_point = 5;
  huge.rows = (size_t)-1;
  REFUSED(DK_NULL, dk_drop_connect_forward_f32(NULL, x, x + 20, y, 3, &source));
  REFUSED(DK_NULL, dk_drop_connect_forward_f32(&layer, NULL, x + 20, y, 3, &source));
  REFUSED(DK_NULL, dk_drop_connect_infer_f32(&layer, x, NULL, y, 3));
  REFUSED(DK_ZERO_POINT, dk_drop_connect_infer_f32(&bad, x, x + 20, y, 3));
  REFUSED(DK_OVERFLOW, dk_drop_connect_forward_f32(&huge, x, x + 20, y, 3, &source));
  REFUSED(DK_OVERFLOW, dk_drop_connect_infer_transposed_f32(&layer, x, x + 20, y, (size_t)-1 / 2));
  REFUSED(DK_OVERLAP, dk_drop_connect_forward_f32(&layer, x, x + 20, x + 34, 3, &source));
  REFUSED(DK_OVERLAP, dk_drop_connect_infer_f32(&layer, x, x + 20, x, 3));
  REFUSED(DK_MASK_TOO_SHORT, dk_drop_connect_forward_f32(&layer, x, x + 20, y, 3, at(dk_source_rng(&rng, words, 19))));
  REFUSED(DK_SOURCE_DRAWS, dk_drop_connect_backward_input_f32(&layer, x, x + 20, y, 3, at(dk_source_rng(&rng, words, 20))));
  REFUSED(DK_SOURCE_DRAWS, dk_drop_connect_backward_weights_f32(&layer, x, x + 20, y, 3, at(dk_source_rng(&rng, words, 20))));
}

static void layers(void) {
  static const uint32_t every_other[] = {0x55555555, 0x00000005}, all[] = {0xFFFFFFFF, 0x0000000F};
  fresh();
  OK(dk_layer_drop_prune(words, 36, 2));
  CHECK(memcmp(words, every_other, sizeof every_other) == 0);
  OK(dk_layer_drop_prune(words, 36, 0));
  CHECK(memcmp(words, all, sizeof all) == 0);
  OK(dk_layer_drop_prune(words, 36, 1));
  CHECK(dk_mask_count_kept(words, 36) == 0);
  OK(dk_layer_drop_prune(NULL, 0, 2));
  REFUSED(DK_NULL, dk_layer_drop_prune(NULL, 1, 2));
  REFUSED(DK_MISALIGNED, dk_layer_drop_prune((uint32_t *)(void *)((char *)words + 2), 1, 2));
}

/* Noise, which has no mask: from a key, and from a generator. */
static void noises(void) {
  static const dk_embedding_noise noise = {5, 5, 20}, huge = {5, (size_t)-1, 2};
  dk_source source = dk_source_key(key(42, 0));
  size_t i;
  fresh();
  OK(dk_embedding_noise_forward_f32(&noise, x, y, N, &source));
  for (i = 0; i < N; i++) CHECK(y[i] != x[i] && y[i] > x[i] - 0.5f && y[i] < x[i] + 0.5f);
  CHECK(sum_of(y, N) == UINT32_C(0xF3E9D759));
  memcpy(z, x, sizeof z);
  OK(dk_embedding_noise_forward_f32(&noise, z, z, N, at(dk_source_noise(&rng))));
  CHECK(memcmp(y, z, sizeof z) == 0);
  OK(dk_embedding_noise_forward_f32(&noise, x, z, N, at(dk_source_noise(&rng))));
  CHECK(memcmp(y, z, sizeof z) != 0);
  OK(dk_embedding_noise_forward_f32(&noise, NULL, NULL, 0, &source));
  OK(dk_embedding_noise_forward_f16(&noise, hx, hy, N, &source));
  REFUSED(DK_SOURCE_HAS_MASK, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_SOURCE_HAS_MASK, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_key_into(key(1, 2), words, N))));
  REFUSED(DK_SOURCE_HAS_MASK, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_mask(words, N))));
  REFUSED(DK_SOURCE_HAS_MASK, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_mask(words, 0))));
  REFUSED(DK_NOT_MADE, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_noise(&never_seeded))));
  REFUSED(DK_NULL, dk_embedding_noise_forward_f32(&noise, x, y, N, at(dk_source_noise(NULL))));
  REFUSED(DK_NULL, dk_embedding_noise_forward_f32(NULL, x, y, N, &source));
  REFUSED(DK_NULL, dk_embedding_noise_forward_f32(&noise, NULL, y, N, &source));
  REFUSED(DK_OVERFLOW, dk_embedding_noise_forward_f32(&huge, x, y, N, &source));
  REFUSED(DK_OVERLAP, dk_embedding_noise_forward_f32(&noise, x, x + 1, 50, &source));
  REFUSED(DK_OVERLAP, dk_embedding_noise_forward_f32(&noise, x, (float *)(void *)rng.state, 4, at(dk_source_noise(&rng))));
}

static void concrete(void) {
  dk_concrete_f32 layer, bad;
  dk_concrete_f64 doubles;
  dk_penalty_f32 penalty;
  dk_source source = dk_source_key(key(42, 0));
  dk_rng stood;
  float p, to_logit, q;
  double to_p, expected = 0;
  size_t i;
  fresh();
  OK(dk_concrete_new_f32(&layer, 0.1f, 0.5f));
  OK(dk_concrete_p_f32(&layer, &p));
  CHECK(fabs(p - 0.1) < 1e-6 && layer.temperature == 0.5f);
  OK(dk_concrete_new_f64(&doubles, 0.1, 0.5));
  OK(dk_concrete_p_f64(&doubles, &to_p));
  CHECK(fabs(to_p - 0.1) < 1e-15);
  OK(dk_concrete_forward_f32(&layer, x, y, N, &source));
  CHECK(sum_of(y, N) == UINT32_C(0x3D0C1508));
  stood = rng;
  memcpy(z, x, sizeof z);
  OK(dk_concrete_forward_f32(&layer, z, z, N, at(dk_source_noise(&rng))));
  CHECK(memcmp(y, z, sizeof z) == 0 && memcmp(&rng, &stood, sizeof rng) != 0);
  /* The same gates: dx of x is y. */
  OK(dk_concrete_backward_f32(&layer, x, x, z, N, &to_logit, at(dk_source_noise(&stood))));
  CHECK(memcmp(y, z, sizeof z) == 0 && memcmp(&rng, &stood, sizeof rng) == 0);
  for (i = 0; i < N; i++) expected += x[i] == 0 ? 0 : (double)y[i] * x[i] * (p - (1 - (1 - (double)p) * y[i] / x[i]) / 0.5);
  CHECK(fabs(to_logit - expected) < 1e-3 * fabs(expected));
  CHECK(sum_of(&to_logit, 1) == UINT32_C(0xDA552848));
  memcpy(z, x, sizeof z);
  OK(dk_concrete_backward_f32(&layer, x, z, z, N, &q, &source));
  CHECK(memcmp(y, z, sizeof z) == 0 && q == to_logit);
  OK(dk_concrete_penalty_f32(&layer, 30, 100, 1e-4f, 2e-3f, &penalty));
  CHECK(fabs(penalty.value - (1e-4 * 30 / 0.9 + 2e-3 * 100 * (0.1 * log(0.1) + 0.9 * log(0.9)))) < 1e-6);
  CHECK(fabs(penalty.to_weights - 2e-4 / 0.9) < 1e-9);
  layer.logit -= 1e-6f * (to_logit + penalty.to_logit);
  OK(dk_concrete_forward_f64(&doubles, dx, dy, N, &source));
  OK(dk_concrete_forward_f16(&layer, hx, hy, N, &source));
  OK(dk_concrete_backward_f32(&layer, NULL, NULL, NULL, 0, &to_logit, &source));
  CHECK(to_logit == 0);

  bad = layer;
  REFUSED(DK_RATE_ZERO, dk_concrete_new_f32(&bad, 0, 0.1f));
  REFUSED(DK_RATE_ONE, dk_concrete_new_f32(&bad, 1, 0.1f));
  REFUSED(DK_NEGATIVE, dk_concrete_new_f32(&bad, -1, 0.1f));
  REFUSED(DK_ABOVE_ONE, dk_concrete_new_f32(&bad, 2, 0.1f));
  REFUSED(DK_NOT_A_NUMBER, dk_concrete_new_f32(&bad, (float)NAN, 0.1f));
  REFUSED(DK_TEMPERATURE, dk_concrete_new_f32(&bad, 0.5f, 0));
  REFUSED(DK_NULL, dk_concrete_new_f32(NULL, 0.5f, 0.1f));
  CHECK(memcmp(&bad, &layer, sizeof bad) == 0);
  bad.logit = -100;
  q = 5;
  REFUSED(DK_RATE_ZERO, dk_concrete_p_f32(&bad, &q));
  REFUSED(DK_RATE_ZERO, dk_concrete_forward_f32(&bad, x, y, N, at(dk_source_noise(&rng))));
  REFUSED(DK_RATE_ZERO, dk_concrete_backward_f32(&bad, x, x, y, N, z, at(dk_source_noise(&rng))));
  bad.logit = 100;
  REFUSED(DK_RATE_ONE, dk_concrete_penalty_f32(&bad, 1, 1, 1, 1, &penalty));
  bad.logit = (float)NAN;
  REFUSED(DK_NOT_A_NUMBER, dk_concrete_p_f32(&bad, &q));
  bad = layer;
  bad.temperature = 0;
  REFUSED(DK_TEMPERATURE, dk_concrete_forward_f32(&bad, x, y, N, &source));
  REFUSED(DK_NULL, dk_concrete_p_f32(NULL, &q));
  REFUSED(DK_NULL, dk_concrete_p_f32(&layer, NULL));
  CHECK(q == 5);
  REFUSED(DK_NULL, dk_concrete_forward_f32(NULL, x, y, N, &source));
  REFUSED(DK_NULL, dk_concrete_backward_f32(&layer, x, x, y, N, NULL, at(dk_source_noise(&rng))));
  REFUSED(DK_NULL, dk_concrete_backward_f32(&layer, NULL, x, y, N, z, at(dk_source_noise(&rng))));
  REFUSED(DK_OVERLAP, dk_concrete_backward_f32(&layer, x, z, x, N, &q, at(dk_source_noise(&rng))));
  REFUSED(DK_OVERLAP, dk_concrete_backward_f32(&layer, x, x, y, N, y + 3, at(dk_source_noise(&rng))));
  REFUSED(DK_OVERLAP, dk_concrete_backward_f32(&layer, x, x, y, N, x + 3, at(dk_source_noise(&rng))));
  REFUSED(DK_OVERLAP, dk_concrete_forward_f32(&layer, x, x + 1, 50, &source));
  REFUSED(DK_SOURCE_HAS_MASK, dk_concrete_forward_f32(&layer, x, y, N, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_SOURCE_HAS_MASK, dk_concrete_backward_f32(&layer, x, x, y, N, z, at(dk_source_mask(words, N))));
}

static uint32_t crc(const uint8_t *bytes, size_t n) {
  uint32_t sum = 0xFFFFFFFF;
  size_t i;
  int bit;
  for (i = 0; i < n; i++) {
    sum ^= bytes[i];
    for (bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0xEDB88320) : 0);
  }
  return ~sum;
}

static void seal(uint8_t *bytes) {
  uint32_t sum = crc(bytes, DK_CHECKPOINT_BYTES - 4);
  int i;
  for (i = 0; i < 4; i++) bytes[DK_CHECKPOINT_BYTES - 4 + i] = (uint8_t)(sum >> 8 * i);
}

static void checkpoints(void) {
  static uint8_t saved[DK_CHECKPOINT_BYTES], bytes[DK_CHECKPOINT_BYTES];
  static dk_rng restored;
  fresh();
  OK(dk_fill(&HIDDEN.rate, at(dk_source_rng(&rng, words, N))));
  OK(dk_rng_save(&rng, saved));
  OK(dk_rng_load(&restored, saved, sizeof saved));
  CHECK(memcmp(&rng, &restored, sizeof rng) == 0);
  memset(bytes, 0xFF, sizeof bytes);
  REFUSED(DK_NOT_A_CHECKPOINT, dk_rng_load(&rng, bytes, sizeof bytes));
  REFUSED(DK_WRONG_LENGTH, dk_rng_load(&rng, saved, sizeof saved - 1));
  REFUSED(DK_WRONG_LENGTH, dk_rng_load(&rng, NULL, 0));
  memcpy(bytes, saved, sizeof bytes);
  bytes[100] ^= 1;
  REFUSED(DK_CHECK_SUM, dk_rng_load(&rng, bytes, sizeof bytes));
  memcpy(bytes, saved, sizeof bytes);
  bytes[4]++;
  REFUSED(DK_OTHER_FORMAT, dk_rng_load(&rng, bytes, sizeof bytes));
  memcpy(bytes, saved, sizeof bytes);
  bytes[8]++;
  seal(bytes);
  REFUSED(DK_OTHER_STREAM, dk_rng_load(&rng, bytes, sizeof bytes));
  memcpy(bytes, saved, sizeof bytes);
  memset(bytes + 12, 0, 16);
  seal(bytes);
  REFUSED(DK_ZERO_LANE, dk_rng_load(&rng, bytes, sizeof bytes));
  memcpy(bytes, saved, sizeof bytes);
  memcpy(bytes + 12, bytes + 12 + 16, 16);
  seal(bytes);
  REFUSED(DK_EQUAL_LANES, dk_rng_load(&rng, bytes, sizeof bytes));
  REFUSED(DK_NULL, dk_rng_load(NULL, saved, sizeof saved));
  REFUSED(DK_NULL, dk_rng_save(&rng, NULL));
  REFUSED(DK_NULL, dk_rng_save(NULL, bytes));
  REFUSED(DK_NOT_MADE, dk_rng_save(&never_seeded, bytes));
  REFUSED(DK_OVERLAP, dk_rng_save(&rng, (uint8_t *)&rng + 8));
  REFUSED(DK_WRONG_LENGTH, dk_rng_load(&rng, saved, (size_t)-1));
  /* Erased flash, and what an operating system fills memory with. */
  memset(&restored, 0xFF, sizeof restored);
  REFUSED(DK_NOT_MADE, dk_fill(&HIDDEN.rate, at(dk_source_rng(&restored, words, N))));
  memset(&restored, 0xA5, sizeof restored);
  REFUSED(DK_NOT_MADE, dk_rng_save(&restored, bytes));
  /* A generator that loading would refuse is not saved. */
  restored = rng;
  restored.state[5] = restored.state[7];
  restored.state[16 + 5] = restored.state[16 + 7];
  restored.state[32 + 5] = restored.state[32 + 7];
  restored.state[48 + 5] = restored.state[48 + 7];
  REFUSED(DK_EQUAL_LANES, dk_rng_save(&restored, bytes));
}

static void bad_rates(void) {
  dk_rate rate;
  dk_alpha alpha;
  int32_t m = 1, shift = 2;
  memset(&rate, 0, sizeof rate);
  REFUSED(DK_NOT_A_NUMBER, dk_rate_from_f32(&rate, (float)NAN));
  REFUSED(DK_NEGATIVE, dk_rate_from_f64(&rate, -0.5));
  REFUSED(DK_ABOVE_ONE, dk_rate_from_f32(&rate, 1.5f));
  REFUSED(DK_ABOVE_ONE, dk_rate_from_ratio(&rate, 3, 2));
  REFUSED(DK_ABOVE_ONE, dk_rate_from_threshold(&rate, (UINT64_C(1) << 40) + 1));
  REFUSED(DK_ZERO_DENOMINATOR, dk_rate_from_ratio(&rate, 0, 0));
  REFUSED(DK_NULL, dk_rate_from_f32(NULL, 0.5f));
  CHECK(rate.made == 0 && rate.threshold == 0);
  REFUSED(DK_NOT_MADE, dk_inverted(&never_made, &rate));
  REFUSED(DK_NOT_MADE, dk_classic(&never_made, &rate));
  REFUSED(DK_NOT_MADE, dk_alpha_new(&alpha, &rate));
  REFUSED(DK_NOT_MADE, dk_rate_multiplier(&rate, &m, &shift));
  REFUSED(DK_NULL, dk_rate_multiplier(&HIDDEN.rate, &m, NULL));
  REFUSED(DK_NULL, dk_rate_multiplier(&HIDDEN.rate, NULL, &shift));
  REFUSED(DK_NULL, dk_rate_requantisation(NULL, &m, &shift));
  CHECK(m == 1 && shift == 2);
  OK(dk_rate_from_f32(&rate, 0.5f));
  OK(dk_rate_multiplier(&rate, &m, &shift));
  CHECK(m == 1 << 30 && shift == 2);
  m = 0x60000000, shift = -3;
  OK(dk_rate_requantisation(&rate, &m, &shift));
  CHECK(m == 0x60000000 && shift == -2);
  m = 5;
  REFUSED(DK_MULTIPLIER, dk_rate_requantisation(&rate, &m, &shift));
  m = 1 << 30, shift = INT32_MAX;
  REFUSED(DK_MULTIPLIER, dk_rate_requantisation(&rate, &m, &shift));
  CHECK(m == 1 << 30 && shift == INT32_MAX);
}

static void bad_calls(void) {
  dk_source source = dk_source_key(key(1, 2)), odd = source;
  dk_dropout zero_point = HIDDEN;
  dk_layout huge = {(size_t)-1, 2, 1, 1};
  dk_panel tight = {2, 10, 10, 9, 10}, within = DK_PANEL_WITHIN(2, 10, 10), shared = {2, 10, 10, 10, 0};
  dk_drop_block blocks = {DK_RATE(0.1f), 3, 1, 1, 2, {10, 10, 0}, 0, 0}, bad = blocks;
  fresh();
  odd.kind = 17;
  zero_point.zero_point = 5;
  REFUSED(DK_NULL, dk_forward_f32(NULL, x, y, N, &source));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, y, N, NULL));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, NULL, y, N, &source));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, NULL, N, &source));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_mask(NULL, N))));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_rng(NULL, words, N))));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_rng(&rng, NULL, N))));
  REFUSED(DK_NULL, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_key_into(key(1, 2), NULL, N))));
  REFUSED(DK_MISALIGNED, dk_forward_f32(&HIDDEN, x, (float *)(void *)((char *)y + 2), 10, &source));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, x, x + 1, 50, &source));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, x + 49, x, 50, &source));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, (float *)(void *)words, y, 4, at(dk_source_rng(&rng, words, 4))));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, x, (float *)(void *)words, 4, at(dk_source_mask(words, 4))));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, x, y, 4, at(dk_source_rng(&rng, rng.state, 4))));
  REFUSED(DK_OVERLAP, dk_forward_f32(&HIDDEN, x, (float *)(void *)rng.state, 4, at(dk_source_rng(&rng, words, 4))));
  REFUSED(DK_NOT_MADE, dk_forward_f32(&never_made, x, y, N, &source));
  REFUSED(DK_NOT_MADE, dk_forward_f32(&NO_RATE, x, y, N, &source));
  REFUSED(DK_NOT_MADE, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_rng(&never_seeded, words, N))));
  REFUSED(DK_UNKNOWN_SOURCE, dk_forward_f32(&HIDDEN, x, y, N, &odd));
  REFUSED(DK_SOURCE_DRAWS, dk_backward_f32(&HIDDEN, x, y, N, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_SOURCE_DRAWS, dk_backward_f32(&HIDDEN, x, y, N, at(dk_source_key_into(key(1, 2), words, N))));
  REFUSED(DK_ZERO_POINT, dk_forward_f32(&zero_point, x, y, N, &source));
  REFUSED(DK_MASK_TOO_SHORT, dk_forward_f32(&HIDDEN, x, y, N, at(dk_source_rng(&rng, words, N - 1))));
  REFUSED(DK_MASK_TOO_LONG, dk_forward_f32(&HIDDEN, x, y, N - 1, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_MASK_TOO_SHORT, dk_backward_f32(&HIDDEN, x, y, N, at(dk_source_mask(words, N - 1))));
  REFUSED(DK_MASK_TOO_LONG, dk_backward_f32(&HIDDEN, x, y, 0, at(dk_source_window(words, 3, N - 3))));
  REFUSED(DK_OVERFLOW, dk_forward_f32(&HIDDEN, x, y, ((size_t)-1 >> 2) + 1, &source));
  REFUSED(DK_OVERFLOW, dk_backward_f32(&HIDDEN, x, y, N, at(dk_source_window(words, (size_t)-1, N))));
  REFUSED(DK_OVERFLOW, dk_forward_layout_f32(&HIDDEN, &huge, x, y, &source));
  REFUSED(DK_NULL, dk_forward_layout_f32(&HIDDEN, NULL, x, y, &source));
  {
    dk_layout first = DK_CHANNELS_FIRST((size_t)-1 / 2 + 1, 2, 16), time = DK_TIME_MAJOR(4, (size_t)-1 / 2 + 3, 2);
    REFUSED(DK_OVERFLOW, dk_forward_layout_f32(&HIDDEN, &first, x, y, &source));
    REFUSED(DK_OVERFLOW, dk_forward_layout_f32(&HIDDEN, &time, x, y, &source));
  }
  REFUSED(DK_STRIDE, dk_forward_panel_f32(&HIDDEN, &tight, x, y, &source));
  REFUSED(DK_NULL, dk_forward_panel_f32(&HIDDEN, NULL, x, y, &source));
  REFUSED(DK_SOURCE_NOT_DRAWN, dk_forward_relu_panel_f32(&HIDDEN, &within, x, y, &source));
  REFUSED(DK_STRIDE, dk_forward_relu_panel_f32(&HIDDEN, &shared, x, y, at(dk_source_rng(&rng, words, 10))));
  REFUSED(DK_STRIDE, dk_bias_dropout_add_panel_f32(&HIDDEN, &tight, x, z, NULL, 0, y, &source));
  REFUSED(DK_OVERFLOW, dk_bias_dropout_add_panel_f32(&HIDDEN, &within, x, z, z + 10, (size_t)-1, y, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_panel_f32(&HIDDEN, &within, x, z, y + 10, 10, y, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_infer_panel_f32(&HIDDEN, &within, x, z, y, 10, y));
  REFUSED(DK_NULL, dk_bias_dropout_add_infer_panel_f32(&HIDDEN, NULL, x, z, NULL, 0, y));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_backward_panel_f32(&HIDDEN, &within, x, y, y + 10, &source));
  REFUSED(DK_NOT_WHOLE_ROWS, dk_bias_dropout_add_f32(&HIDDEN, x, z, 30, NULL, y, N, &source));
  REFUSED(DK_NULL, dk_bias_dropout_add_f32(&HIDDEN, x, NULL, 20, NULL, y, N, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_f32(&HIDDEN, x, y, 20, NULL, y, N, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_f32(&HIDDEN, x, z, 20, x, x, N, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_infer_f32(&HIDDEN, x, z, 20, y, y, N));
  REFUSED(DK_NOT_WHOLE_ROWS, dk_bias_dropout_add_backward_f32(&HIDDEN, x, y, z, 30, N, &source));
  REFUSED(DK_OVERLAP, dk_bias_dropout_add_backward_f32(&HIDDEN, x, y, y, 20, N, &source));
  REFUSED(DK_OVERLAP, dk_forward_add_f32(&HIDDEN, x, x, N, &source));
  REFUSED(DK_SOURCE_DRAWS, dk_backward_add_f32(&HIDDEN, x, y, N, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_SOURCE_NOT_DRAWN, dk_forward_relu_f32(&HIDDEN, x, y, N, &source));
  REFUSED(DK_SOURCE_NOT_DRAWN, dk_fill(&HIDDEN.rate, &source));
  REFUSED(DK_SOURCE_NOT_DRAWN, dk_fill(&HIDDEN.rate, at(dk_source_mask(words, N))));
  REFUSED(DK_SOURCE_NOT_STORED, dk_drop_block_forward_f32(&blocks, x, y, &source));
  REFUSED(DK_SOURCE_DRAWS, dk_drop_block_backward_f32(&blocks, x, y, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_MASK_TOO_SHORT, dk_drop_block_forward_f32(&blocks, x, y, at(dk_source_rng(&rng, words, N - 1))));
  REFUSED(DK_SOURCE_NOT_DRAWN, dk_drop_block_fill(&blocks, at(dk_source_mask(words, N))));
  bad.block = 0;
  REFUSED(DK_EMPTY_BLOCK, dk_drop_block_forward_f32(&bad, x, y, at(dk_source_rng(&rng, words, N))));
  bad = blocks;
  bad.axes = 4;
  REFUSED(DK_AXES, dk_drop_block_forward_f32(&bad, x, y, at(dk_source_rng(&rng, words, N))));
  bad.axes = 0;
  REFUSED(DK_AXES, dk_drop_block_forward_f32(&bad, x, y, at(dk_source_rng(&rng, words, N))));
  bad = blocks;
  bad.rate.made = 0;
  REFUSED(DK_NOT_MADE, dk_drop_block_forward_f32(&bad, x, y, at(dk_source_rng(&rng, words, N))));
  REFUSED(DK_NULL, dk_zoneout_forward_f32(&HIDDEN.rate, x, NULL, y, N, &source));
  REFUSED(DK_OVERLAP, dk_zoneout_forward_f32(&HIDDEN.rate, x, x + 50, x + 1, 50, &source));
  REFUSED(DK_OVERLAP, dk_zoneout_forward_f32(&HIDDEN.rate, x, x, x, N, &source));
  REFUSED(DK_OVERLAP, dk_zoneout_infer_f32(&HIDDEN.rate, x, x, x, N));
  REFUSED(DK_OVERLAP, dk_zoneout_backward_f32(&HIDDEN.rate, x, y, y, N, &source));
  REFUSED(DK_OVERLAP, dk_zoneout_backward_f32(&HIDDEN.rate, x, x, y, N, &source));
  REFUSED(DK_CLASSIC_RULE, dk_forward_stochastic_s8(&CLASSIC, bx, by, N, &source, key(1, 2)));
  zero_point.zero_point = 128;
  REFUSED(DK_ZERO_POINT, dk_forward_s8(&zero_point, bx, by, N, &source));
  zero_point.zero_point = 5;
  OK(dk_forward_s8(&zero_point, bx, by, N, &source));
  /* Nothing at NULL is fine. */
  OK(dk_forward_f32(&HIDDEN, NULL, NULL, 0, &source));
  OK(dk_forward_f32(&HIDDEN, NULL, NULL, 0, at(dk_source_rng(&rng, NULL, 0))));
  OK(dk_forward_f32(&HIDDEN, NULL, NULL, 0, at(dk_source_window(NULL, 5, 0))));
  OK(dk_forward_f32(&HIDDEN, NULL, NULL, 0, at(dk_source_window(words, (size_t)-1, 0))));
  OK(dk_forward_f64(&HIDDEN, dx, dy, N, &source));
  OK(dk_forward_f16(&HIDDEN, hx, hy, N, &source));
}

static void names(void) {
  int i, j;
  for (i = 0; i < 38; i++) {
    CHECK(strcmp(dk_status_name(-i), dk_status_name(-38)) != 0);
    for (j = 0; j < i; j++) CHECK(strcmp(dk_status_name(-i), dk_status_name(-j)) != 0);
    /* DK_REFUSED alone is never said. */
    if (i != 0 && i != 29 && !said[i]) failures++, printf("never said: %s\n", dk_status_name(-i));
  }
  CHECK(strcmp(dk_status_name(1), dk_status_name(-38)) == 0);
}

int main(void) {
  constants();
  stream();
  keys();
  sources();
  alignment();
  fused();
  panels();
  fused_panels();
  alphas();
  samples();
  products();
  layers();
  noises();
  concrete();
  checkpoints();
  bad_rates();
  bad_calls();
  names();
  printf(failures ? "%d failures\n" : "all is as the header says\n", failures);
  return failures != 0;
}
