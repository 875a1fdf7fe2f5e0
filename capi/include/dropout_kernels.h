/*
 * Dropout without a framework, from C: masks of one bit an element, exact drop rates, and the same mask, bit for
 * bit, on every machine. No allocation, no operating system, no panic. C99 and C++11.
 *
 *   static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.3f));   p, the probability to drop: 0.3
 *   dk_source step = dk_source_key((dk_key){42, 1000});                    a mask by its name, in no memory
 *   dk_forward_f32(&HIDDEN, x, y, 64, &step);                              training
 *   dk_backward_f32(&HIDDEN, dy, dx, 64, &step);                           the same units, the same scale
 *   dk_infer_f32(&HIDDEN, x, y, 64);                                       inference: nothing is dropped
 *
 * Element i of a mask is bit i % 32 of word i / 32, 1 where it is kept. f16 (IEEE 754 binary16) and bf16 are
 * uint16_t that hold their bits. Lengths and strides count elements. Every function that can be given something
 * wrong returns a status, and has then written nothing and moved no generator. With n = 0 pointers to elements and
 * masks may be NULL; those to structs may not. What it cannot know, and you
 * promise: that memory is as long as you say, that structs hold what was made, and that nobody else uses what a
 * call writes while it runs. Calls keep nothing, and share nothing: any number run at the same time.
 *
 * The rounding of results is that of the formulas, each operation once. Code of your own that is to have the same
 * bits has to be compiled by -ffp-contract=off: GCC's default contracts a * b + c.
 *
 * Made by cbindgen of capi/src/api: do not edit.
 */
#ifndef DROPOUT_KERNELS_H
#define DROPOUT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define DK_VERSION_MAJOR 0
#define DK_VERSION_MINOR 1
#define DK_VERSION_PATCH 0
/* To compare with dk_version(). */
#define DK_VERSION (DK_VERSION_MAJOR * 10000u + DK_VERSION_MINOR * 100u + DK_VERSION_PATCH)
/* To compare with dk_stream_version(). */
#define DK_STREAM_VERSION 2u

/* Words of a mask of n bits. */
#define DK_MASK_WORDS(n) ((n) / 32 + ((n) % 32 != 0))

/* A rate as a constant, to initialise a `static const dk_rate`: that of dk_rate_from_f32 of a float, of
 * dk_rate_from_f64 of a double. One that is no probability is as one that was never made. For compilers whose
 * FLT_EVAL_METHOD is 0. (It is not for x87, nor for s390x by -std=c99, where 0.1f may be a double's 0.1: there
 * -fexcess-precision=fast, or the functions.) */
#define DK_RATE(p) { (uint64_t)DK_THRESHOLD_(p), DK_SCALE_(p), (float)DK_SCALE_(p), \
                     (p) >= 0 && (p) <= 1 ? DK_MADE : 0 }
/* Dropout as a constant: `static const dk_dropout HIDDEN = DK_DROPOUT_INVERTED(DK_RATE(0.3f));` */
#define DK_DROPOUT_INVERTED(...) { __VA_ARGS__, DK_INVERTED, 0 }
#define DK_DROPOUT_CLASSIC(...) { __VA_ARGS__, DK_CLASSIC, 0 }
/* p * 2^40, rounded to nearest, ties to even, as adding 2^52 rounds. */
#define DK_THRESHOLD_(p) ((p) >= 0 && (p) <= 1 ? (double)(p) * 1099511627776.0 + 4503599627370496.0 - 4503599627370496.0 : 0.0)
#define DK_SCALE_(p) (DK_THRESHOLD_(p) < 1099511627776.0 \
                      ? 1099511627776.0 / (1099511627776.0 - DK_THRESHOLD_(p) + (DK_THRESHOLD_(p) >= 1099511627776.0)) : 0.0)

/* Layouts, to initialise a dk_layout. One bit for each channel of each sample of batch x channels x spatial... */
#define DK_CHANNELS_FIRST(batch, channels, spatial) { (size_t)(batch), 1, (size_t)(channels), (size_t)(spatial) }
/* The same of batch x spatial... x channels. */
#define DK_CHANNELS_LAST(batch, spatial, channels) { (size_t)(batch), (size_t)(spatial), (size_t)(channels), 1 }
/* Variational dropout: the same units at every step, of steps x batch x units and of batch x steps x units. */
#define DK_TIME_MAJOR(steps, batch, units) { 1, (size_t)(steps), DK_PRODUCT_((size_t)(batch), (size_t)(units)), 1 }
#define DK_BATCH_MAJOR(batch, steps, units) { (size_t)(batch), (size_t)(steps), (size_t)(units), 1 }
/* Stochastic depth: a bit for each sample of so many elements. */
#define DK_SAMPLES(batch, elements) { 1, 1, (size_t)(batch), (size_t)(elements) }
/* Rows x width elements of a matrix of so many columns, to initialise a dk_panel: x, y and the mask all have its stride. */
#define DK_PANEL_WITHIN(rows, width, columns) \
  { (size_t)(rows), (size_t)(width), (size_t)(columns), (size_t)(columns), (size_t)(columns) }
/* What does not fit is as much as nothing has: DK_OVERFLOW when it is used. */
#define DK_PRODUCT_(a, b) ((b) != 0 && (a) > (size_t)-1 / (b) ? (size_t)-1 : (a) * (b))


/**
 * The bytes of a checkpoint of a generator.
 */
#define DK_CHECKPOINT_BYTES 272

/**
 * What a rate that was made has in `made`.
 */
#define DK_MADE 1145765890

/**
 * Kept elements are scaled by 1 / (1 - p) in training, and inference is the identity.
 */
#define DK_INVERTED 0

/**
 * Kept elements stay as they are in training, and inference scales by 1 - p. Of integers: the
 * scale of the tensor takes 1 / (1 - p), not its elements.
 */
#define DK_CLASSIC 1

/**
 * The mask of `key`, drawn and applied, with no mask in memory.
 */
#define DK_SOURCE_KEY 0

/**
 * The mask of `key`, drawn into `draw`, and applied.
 */
#define DK_SOURCE_KEY_INTO 1

/**
 * The next mask of `rng`, drawn into `draw`, and applied.
 */
#define DK_SOURCE_RNG 2

/**
 * The bits of `mask` from `first` on.
 */
#define DK_SOURCE_MASK 3

/**
 * What a call says: `DK_OK`, or why nothing was done. After any other code nothing has been
 * written, and no generator has moved. `dk_status_name` has a sentence for each.
 */
enum dk_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It is done.
   */
  DK_OK = 0,
  /**
   * A pointer is NULL.
   */
  DK_NULL = -1,
  /**
   * A pointer is not aligned for what it points to.
   */
  DK_MISALIGNED = -2,
  /**
   * What is written overlaps with elements, masks or the generator of the same call, other than x == y. Structs are
   * read first, and not compared.
   */
  DK_OVERLAP = -3,
  /**
   * A rate, a dropout or a generator is used that no function has made, or whose making failed.
   */
  DK_NOT_MADE = -4,
  /**
   * The source has a kind that is none.
   */
  DK_UNKNOWN_SOURCE = -5,
  /**
   * Backward takes a key, or a mask that is in memory; this source would draw.
   */
  DK_SOURCE_DRAWS = -6,
  /**
   * All of the mask is needed at a time; this source has none in memory.
   */
  DK_SOURCE_NOT_STORED = -7,
  /**
   * The mask has to be drawn by this call; this source has one.
   */
  DK_SOURCE_NOT_DRAWN = -8,
  /**
   * Elements other than `int8_t` have their zero at 0, and so have the fused calls.
   */
  DK_ZERO_POINT = -9,
  /**
   * p is NaN, or a logit is.
   */
  DK_NOT_A_NUMBER = -10,
  /**
   * p is negative.
   */
  DK_NEGATIVE = -11,
  /**
   * p is above 1.
   */
  DK_ABOVE_ONE = -12,
  /**
   * A ratio over zero.
   */
  DK_ZERO_DENOMINATOR = -13,
  /**
   * The mask has fewer bits than are needed.
   */
  DK_MASK_TOO_SHORT = -14,
  /**
   * The mask has more bits than are needed.
   */
  DK_MASK_TOO_LONG = -15,
  /**
   * Elements are not whole rows.
   */
  DK_NOT_WHOLE_ROWS = -16,
  /**
   * Rows of an output would overlap, or share bits of a mask that ReLU clears.
   */
  DK_STRIDE = -17,
  /**
   * A shape, a range of bits or a path of streams is larger than the machine can count.
   */
  DK_OVERFLOW = -18,
  /**
   * A block has 1 to 3 spatial axes.
   */
  DK_AXES = -19,
  /**
   * A block of no extent.
   */
  DK_EMPTY_BLOCK = -20,
  /**
   * An index that is not below its extent.
   */
  DK_INDEX = -21,
  /**
   * A lane of a generator is all zeros.
   */
  DK_ZERO_LANE = -22,
  /**
   * Two lanes of a generator are equal.
   */
  DK_EQUAL_LANES = -23,
  /**
   * The first bytes are not those of a checkpoint: foreign bytes, or erased flash.
   */
  DK_NOT_A_CHECKPOINT = -24,
  /**
   * A checkpoint by a later version, which has its bytes elsewhere.
   */
  DK_OTHER_FORMAT = -25,
  /**
   * A checkpoint of another length than `DK_CHECKPOINT_BYTES`.
   */
  DK_WRONG_LENGTH = -26,
  /**
   * A checkpoint that was written in part, or damaged.
   */
  DK_CHECK_SUM = -27,
  /**
   * A generator of another version of the mask stream.
   */
  DK_OTHER_STREAM = -28,
  /**
   * Anything else. No function of this version says it.
   */
  DK_REFUSED = -29,
  /**
   * The classic rule multiplies nothing, so there is nothing to round.
   */
  DK_CLASSIC_RULE = -30,
  /**
   * A multiplier m that is not from 2^30 to 2^31 - 1, or a shift that is not from -62 to 62.
   */
  DK_MULTIPLIER = -31,
  /**
   * Noise comes from a key or from a generator alone; this source has a mask.
   */
  DK_SOURCE_HAS_MASK = -32,
  /**
   * p is 0, or as good as 0, where its logarithm is taken.
   */
  DK_RATE_ZERO = -33,
  /**
   * p is 1, or rounded to 1, where something is divided by 1 - p.
   */
  DK_RATE_ONE = -34,
  /**
   * A temperature that is not above 0, or so small or so large that its inverse is no normal number.
   */
  DK_TEMPERATURE = -35,
  /**
   * A mean that is not from -2^60 to 2^60.
   */
  DK_MEAN = -36,
  /**
   * A variance that is not from 2^-60 to 2^60.
   */
  DK_VARIANCE = -37,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dk_status dk_status;
#else
typedef int32_t dk_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A checked drop probability, and the scale that belongs to it. Made by `dk_rate_from_f32` and
 * its like, or as a constant by `DK_RATE`; its fields are for reading.
 */
typedef struct {
  /**
   * p * 2^40.
   */
  uint64_t threshold;
  /**
   * 1 / (1 - p); 0 where p = 1.
   */
  double scale;
  /**
   * The same, rounded once more.
   */
  float scale_f32;
  /**
   * `DK_MADE`.
   */
  uint32_t made;
} dk_rate;

/**
 * Dropout by a rate and a rule. Made by `dk_inverted` or `dk_classic`, or as a constant by
 * `DK_DROPOUT_INVERTED` and `DK_DROPOUT_CLASSIC`.
 */
typedef struct {
  /**
   * The rate.
   */
  dk_rate rate;
  /**
   * `DK_INVERTED` or `DK_CLASSIC`.
   */
  uint32_t rule;
  /**
   * Of `int8_t` elements the code of zero, -128 to 127: what is dropped becomes it, and kept
   * elements are scaled about it. 0 for all others. Set it after making: `d.zero_point = -128;`. Backward takes a
   * dropout with the gradient's, mostly 0.
   */
  int32_t zero_point;
} dk_dropout;

/**
 * A generator of masks, 256 bytes. Made by `dk_rng_init` or `dk_rng_load`. It is fastest where it is
 * aligned to 64 bytes, on x86; else a call copies it.
 */
typedef struct {
  /**
   * Its state, in the machine's order: `dk_rng_save` makes bytes that other machines read.
   */
  uint32_t state[64];
} dk_rng;

/**
 * The name of a mask: a stream of a seed. By value; there is nothing to make.
 */
typedef struct {
  /**
   * One for each run.
   */
  uint64_t seed;
  /**
   * One for each mask of it.
   */
  uint64_t stream;
} dk_key;

/**
 * Where a mask comes from. Made by `dk_source_key` and its like, which are inline functions.
 */
typedef struct {
  /**
   * `DK_SOURCE_KEY` and its like.
   */
  uint32_t kind;
  /**
   * Bits of the mask: as many as the call needs. A key without a mask has none.
   */
  size_t bits;
  /**
   * The first of them in `mask`.
   */
  size_t first;
  /**
   * Read: `DK_MASK_WORDS(first + bits)` words.
   */
  const uint32_t *mask;
  /**
   * Drawn into: `DK_MASK_WORDS(bits)` words.
   */
  uint32_t *draw;
  /**
   * What is drawn from.
   */
  dk_rng *rng;
  /**
   * What is drawn from.
   */
  dk_key key;
} dk_source;

/**
 * Rows of a larger matrix: rows x width elements, of which element (r, j) stands at r * stride + j
 * of x and of y, and takes bit r * `mask_stride` + j of the mask. Filled by the caller.
 */
typedef struct {
  /**
   * Rows.
   */
  size_t rows;
  /**
   * Elements of a row.
   */
  size_t width;
  /**
   * From a row of x to the next, in elements. In place that of y holds.
   */
  size_t x_stride;
  /**
   * From a row of y to the next, at least the width.
   */
  size_t y_stride;
  /**
   * From a row's first mask bit to the next row's; 0: all rows share the bits of one.
   */
  size_t mask_stride;
} dk_panel;

/**
 * An index of a path, and what it is below.
 */
typedef struct {
  /**
   * From 0.
   */
  uint64_t index;
  /**
   * How many there are.
   */
  uint64_t extent;
} dk_index;

/**
 * Which elements share a mask bit: a tensor of groups x repeat x width x run elements, the last
 * index running fastest, whose element (g, r, w, i) takes bit g * width + w. The mask has groups *
 * width bits. Filled by the caller, as by `DK_CHANNELS_FIRST`.
 */
typedef struct {
  /**
   * Have bits of their own.
   */
  size_t groups;
  /**
   * Share them.
   */
  size_t repeat;
  /**
   * Have bits of their own.
   */
  size_t width;
  /**
   * Neighbours that share them.
   */
  size_t run;
} dk_layout;

/**
 * Alpha dropout at a rate, for networks of SELU units. Made by `dk_alpha_new` or `dk_alpha_of`.
 */
typedef struct {
  /**
   * The rate.
   */
  dk_rate rate;
  /**
   * a, what kept elements are multiplied with.
   */
  double scale;
  /**
   * b, what is added to them then.
   */
  double shift;
  /**
   * What dropped elements become.
   */
  double dropped;
  /**
   * The same, rounded once more.
   */
  float scale_f32;
  /**
   * The same, rounded once more.
   */
  float shift_f32;
  /**
   * The same, rounded once more.
   */
  float dropped_f32;
  /**
   * `DK_MADE`.
   */
  uint32_t made;
} dk_alpha;

/**
 * Blocks of maps (DropBlock; Ghiasi et al. 2018), of a batch x channels x spatial... tensor. Filled by the caller.
 */
typedef struct {
  /**
   * The probability that an element is dropped.
   */
  dk_rate rate;
  /**
   * The extent of a block, along each axis.
   */
  size_t block;
  /**
   * Samples.
   */
  size_t batch;
  /**
   * Channels.
   */
  size_t channels;
  /**
   * Spatial axes, 1 to 3.
   */
  size_t axes;
  /**
   * Their extents, the outermost first: {l}, {h, w} or {d, h, w}.
   */
  size_t spatial[3];
  /**
   * 0: each channel has blocks of its own, and the mask a bit for each element. Else all
   * channels of a sample share them, and the mask is batch x spatial...
   */
  uint32_t shared;
  /**
   * 0: elements are scaled by the kept bits of the batch. Else those of a sample by its own, so that a sample has the same
   * values in a batch of any size.
   */
  uint32_t per_sample;
} dk_drop_block;

/**
 * A layer whose weights are dropped (DropConnect; Wan et al. 2013): rows x columns weights, row after row, of which
 * weight (r, c) takes bit r * columns + c of the mask. Filled by the caller.
 */
typedef struct {
  /**
   * The rate and the rule, with the zero point 0.
   */
  dk_dropout dropout;
  /**
   * Outputs of the layer.
   */
  size_t rows;
  /**
   * Inputs of the layer.
   */
  size_t columns;
} dk_drop_connect;

/**
 * The noise of NEFTune (Jain et al. 2024), on the embeddings of sequences of one length. Filled by the caller.
 */
typedef struct {
  /**
   * Its strength: 5, 10 or 15 in the paper.
   */
  float alpha;
  /**
   * Tokens of a sequence.
   */
  size_t length;
  /**
   * Elements of an embedding.
   */
  size_t dimension;
} dk_embedding_noise;

/**
 * A layer of Concrete dropout (Gal et al. 2017), whose rate is learned. Made by `dk_concrete_new_f32`, or filled by
 * the caller; a step of the optimiser writes `logit`. Calls compute what else they need of it: some 100 operations.
 */
typedef struct {
  /**
   * l = ln p - ln(1 - p), which is what is trained.
   */
  float logit;
  /**
   * t: the lower it is, the nearer are the gates to 0 and 1. 0.1 in the paper's code.
   */
  float temperature;
} dk_concrete_f32;

/**
 * What a layer of Concrete dropout adds to the loss, and its gradients.
 */
typedef struct {
  /**
   * w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)).
   */
  float value;
  /**
   * Its gradient to the logit.
   */
  float to_logit;
  /**
   * 2 w / (1 - p): its gradient to a weight is this number times the weight.
   */
  float to_weights;
} dk_penalty_f32;

/**
 * As `dk_concrete_f32`, of double.
 */
typedef struct {
  /**
   * l = ln p - ln(1 - p), which is what is trained.
   */
  double logit;
  /**
   * t: the lower it is, the nearer are the gates to 0 and 1. 0.1 in the paper's code.
   */
  double temperature;
} dk_concrete_f64;

/**
 * As `dk_penalty_f32`, of double.
 */
typedef struct {
  /**
   * w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)).
   */
  double value;
  /**
   * Its gradient to the logit.
   */
  double to_logit;
  /**
   * 2 w / (1 - p): its gradient to a weight is this number times the weight.
   */
  double to_weights;
} dk_penalty_f64;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * y = residual + D(x + bias) in one pass, with D the dropout: Megatron-LM's bias_dropout_add. n elements in
 * rows of width, to each of which bias is added. residual: NULL for none. y may be x or
 * residual, not both.
 *
 * Has the bits of the separate passes in float and double; f16 and bf16 are computed with in
 * float and rounded once at the end. As dk_forward_f32, and DK_NOT_WHOLE_ROWS.
 */
dk_status dk_bias_dropout_add_f32(const dk_dropout *dropout,
                                  const float *x,
                                  const float *bias,
                                  size_t width,
                                  const float *residual,
                                  float *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_bias_dropout_add_f32, of double.
 */
dk_status dk_bias_dropout_add_f64(const dk_dropout *dropout,
                                  const double *x,
                                  const double *bias,
                                  size_t width,
                                  const double *residual,
                                  double *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_bias_dropout_add_f32, of f16.
 */
dk_status dk_bias_dropout_add_f16(const dk_dropout *dropout,
                                  const uint16_t *x,
                                  const uint16_t *bias,
                                  size_t width,
                                  const uint16_t *residual,
                                  uint16_t *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_bias_dropout_add_f32, of bf16.
 */
dk_status dk_bias_dropout_add_bf16(const dk_dropout *dropout,
                                   const uint16_t *x,
                                   const uint16_t *bias,
                                   size_t width,
                                   const uint16_t *residual,
                                   uint16_t *y,
                                   size_t n,
                                   const dk_source *source);

/**
 * The same at inference: y = residual + infer(x + bias). y may be x, not residual.
 */
dk_status dk_bias_dropout_add_infer_f32(const dk_dropout *dropout,
                                        const float *x,
                                        const float *bias,
                                        size_t width,
                                        const float *residual,
                                        float *y,
                                        size_t n);

/**
 * As dk_bias_dropout_add_infer_f32, of double.
 */
dk_status dk_bias_dropout_add_infer_f64(const dk_dropout *dropout,
                                        const double *x,
                                        const double *bias,
                                        size_t width,
                                        const double *residual,
                                        double *y,
                                        size_t n);

/**
 * As dk_bias_dropout_add_infer_f32, of f16.
 */
dk_status dk_bias_dropout_add_infer_f16(const dk_dropout *dropout,
                                        const uint16_t *x,
                                        const uint16_t *bias,
                                        size_t width,
                                        const uint16_t *residual,
                                        uint16_t *y,
                                        size_t n);

/**
 * As dk_bias_dropout_add_infer_f32, of bf16.
 */
dk_status dk_bias_dropout_add_infer_bf16(const dk_dropout *dropout,
                                         const uint16_t *x,
                                         const uint16_t *bias,
                                         size_t width,
                                         const uint16_t *residual,
                                         uint16_t *y,
                                         size_t n);

/**
 * dx = D(dy), and the sum of dx over rows, as it is stored, is added to dbias, row after row, in float
 * (double of double). The residual's gradient is dy itself. dy == dx allowed. As dk_backward_f32, and
 * DK_NOT_WHOLE_ROWS.
 */
dk_status dk_bias_dropout_add_backward_f32(const dk_dropout *dropout,
                                           const float *dy,
                                           float *dx,
                                           float *dbias,
                                           size_t width,
                                           size_t n,
                                           const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_f32, of double. 
 */
dk_status dk_bias_dropout_add_backward_f64(const dk_dropout *dropout,
                                           const double *dy,
                                           double *dx,
                                           double *dbias,
                                           size_t width,
                                           size_t n,
                                           const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_f32, of f16. 
 */
dk_status dk_bias_dropout_add_backward_f16(const dk_dropout *dropout,
                                           const uint16_t *dy,
                                           uint16_t *dx,
                                           float *dbias,
                                           size_t width,
                                           size_t n,
                                           const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_f32, of bf16. 
 */
dk_status dk_bias_dropout_add_backward_bf16(const dk_dropout *dropout,
                                            const uint16_t *dy,
                                            uint16_t *dx,
                                            float *dbias,
                                            size_t width,
                                            size_t n,
                                            const dk_source *source);

/**
 * dk_bias_dropout_add_f32 over rows of a larger matrix, whose width the bias has. Rows of the residual begin residual_stride
 * elements after each other, 0 adds one row to all; where y is the residual that of y holds. As dk_forward_panel_f32.
 */
dk_status dk_bias_dropout_add_panel_f32(const dk_dropout *dropout,
                                        const dk_panel *panel,
                                        const float *x,
                                        const float *bias,
                                        const float *residual,
                                        size_t residual_stride,
                                        float *y,
                                        const dk_source *source);

/**
 * As dk_bias_dropout_add_panel_f32, of double.
 */
dk_status dk_bias_dropout_add_panel_f64(const dk_dropout *dropout,
                                        const dk_panel *panel,
                                        const double *x,
                                        const double *bias,
                                        const double *residual,
                                        size_t residual_stride,
                                        double *y,
                                        const dk_source *source);

/**
 * As dk_bias_dropout_add_panel_f32, of f16.
 */
dk_status dk_bias_dropout_add_panel_f16(const dk_dropout *dropout,
                                        const dk_panel *panel,
                                        const uint16_t *x,
                                        const uint16_t *bias,
                                        const uint16_t *residual,
                                        size_t residual_stride,
                                        uint16_t *y,
                                        const dk_source *source);

/**
 * As dk_bias_dropout_add_panel_f32, of bf16.
 */
dk_status dk_bias_dropout_add_panel_bf16(const dk_dropout *dropout,
                                         const dk_panel *panel,
                                         const uint16_t *x,
                                         const uint16_t *bias,
                                         const uint16_t *residual,
                                         size_t residual_stride,
                                         uint16_t *y,
                                         const dk_source *source);

/**
 * dk_bias_dropout_add_infer_f32 over rows of a larger matrix.
 */
dk_status dk_bias_dropout_add_infer_panel_f32(const dk_dropout *dropout,
                                              const dk_panel *panel,
                                              const float *x,
                                              const float *bias,
                                              const float *residual,
                                              size_t residual_stride,
                                              float *y);

/**
 * As dk_bias_dropout_add_infer_panel_f32, of double.
 */
dk_status dk_bias_dropout_add_infer_panel_f64(const dk_dropout *dropout,
                                              const dk_panel *panel,
                                              const double *x,
                                              const double *bias,
                                              const double *residual,
                                              size_t residual_stride,
                                              double *y);

/**
 * As dk_bias_dropout_add_infer_panel_f32, of f16.
 */
dk_status dk_bias_dropout_add_infer_panel_f16(const dk_dropout *dropout,
                                              const dk_panel *panel,
                                              const uint16_t *x,
                                              const uint16_t *bias,
                                              const uint16_t *residual,
                                              size_t residual_stride,
                                              uint16_t *y);

/**
 * As dk_bias_dropout_add_infer_panel_f32, of bf16.
 */
dk_status dk_bias_dropout_add_infer_panel_bf16(const dk_dropout *dropout,
                                               const dk_panel *panel,
                                               const uint16_t *x,
                                               const uint16_t *bias,
                                               const uint16_t *residual,
                                               size_t residual_stride,
                                               uint16_t *y);

/**
 * dk_bias_dropout_add_backward_f32 over rows of a larger matrix, whose width dbias has. 
 */
dk_status dk_bias_dropout_add_backward_panel_f32(const dk_dropout *dropout,
                                                 const dk_panel *panel,
                                                 const float *dy,
                                                 float *dx,
                                                 float *dbias,
                                                 const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_panel_f32, of double. 
 */
dk_status dk_bias_dropout_add_backward_panel_f64(const dk_dropout *dropout,
                                                 const dk_panel *panel,
                                                 const double *dy,
                                                 double *dx,
                                                 double *dbias,
                                                 const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_panel_f32, of f16. 
 */
dk_status dk_bias_dropout_add_backward_panel_f16(const dk_dropout *dropout,
                                                 const dk_panel *panel,
                                                 const uint16_t *dy,
                                                 uint16_t *dx,
                                                 float *dbias,
                                                 const dk_source *source);

/**
 * As dk_bias_dropout_add_backward_panel_f32, of bf16. 
 */
dk_status dk_bias_dropout_add_backward_panel_bf16(const dk_dropout *dropout,
                                                  const dk_panel *panel,
                                                  const uint16_t *dy,
                                                  uint16_t *dx,
                                                  float *dbias,
                                                  const dk_source *source);

/**
 * y += forward(x), at the price of an addition; a dropped element adds +0.0, so that -0.0 becomes +0.0. x == y is refused. As dk_forward_f32.
 */
dk_status dk_forward_add_f32(const dk_dropout *dropout,
                             const float *x,
                             float *y,
                             size_t n,
                             const dk_source *source);

/**
 * As dk_forward_add_f32, of double.
 */
dk_status dk_forward_add_f64(const dk_dropout *dropout,
                             const double *x,
                             double *y,
                             size_t n,
                             const dk_source *source);

/**
 * As dk_forward_add_f32, of f16.
 */
dk_status dk_forward_add_f16(const dk_dropout *dropout,
                             const uint16_t *x,
                             uint16_t *y,
                             size_t n,
                             const dk_source *source);

/**
 * As dk_forward_add_f32, of bf16.
 */
dk_status dk_forward_add_bf16(const dk_dropout *dropout,
                              const uint16_t *x,
                              uint16_t *y,
                              size_t n,
                              const dk_source *source);

/**
 * dx += backward(dy). dy == dx is refused. As dk_backward_f32.
 */
dk_status dk_backward_add_f32(const dk_dropout *dropout,
                              const float *dy,
                              float *dx,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_backward_add_f32, of double.
 */
dk_status dk_backward_add_f64(const dk_dropout *dropout,
                              const double *dy,
                              double *dx,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_backward_add_f32, of f16.
 */
dk_status dk_backward_add_f16(const dk_dropout *dropout,
                              const uint16_t *dy,
                              uint16_t *dx,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_backward_add_f32, of bf16.
 */
dk_status dk_backward_add_bf16(const dk_dropout *dropout,
                               const uint16_t *dy,
                               uint16_t *dx,
                               size_t n,
                               const dk_source *source);

/**
 * ReLU and dropout by one mask: y = forward(max(x, 0)), and elements that are not positive are
 * cleared from the mask that is drawn, so that dk_backward_f32 by it (not by the key) is the
 * gradient of both. A NaN stays. x == y allowed.
 *
 * The source draws into a mask: dk_source_rng or dk_source_key_into, else DK_SOURCE_NOT_DRAWN.
 * The zero point is 0. As dk_forward_f32.
 */
dk_status dk_forward_relu_f32(const dk_dropout *dropout,
                              const float *x,
                              float *y,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_forward_relu_f32, of double.
 */
dk_status dk_forward_relu_f64(const dk_dropout *dropout,
                              const double *x,
                              double *y,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_forward_relu_f32, of f16.
 */
dk_status dk_forward_relu_f16(const dk_dropout *dropout,
                              const uint16_t *x,
                              uint16_t *y,
                              size_t n,
                              const dk_source *source);

/**
 * As dk_forward_relu_f32, of bf16.
 */
dk_status dk_forward_relu_bf16(const dk_dropout *dropout,
                               const uint16_t *x,
                               uint16_t *y,
                               size_t n,
                               const dk_source *source);

/**
 * As dk_forward_relu_f32, of int8_t.
 */
dk_status dk_forward_relu_s8(const dk_dropout *dropout,
                             const int8_t *x,
                             int8_t *y,
                             size_t n,
                             const dk_source *source);

/**
 * As dk_forward_relu_f32, of int16_t.
 */
dk_status dk_forward_relu_s16(const dk_dropout *dropout,
                              const int16_t *x,
                              int16_t *y,
                              size_t n,
                              const dk_source *source);

/**
 * dk_forward_relu_f32 over rows of a larger matrix. DK_STRIDE, too, if rows share mask bits.
 */
dk_status dk_forward_relu_panel_f32(const dk_dropout *dropout,
                                    const dk_panel *panel,
                                    const float *x,
                                    float *y,
                                    const dk_source *source);

/**
 * As dk_forward_relu_panel_f32, of double.
 */
dk_status dk_forward_relu_panel_f64(const dk_dropout *dropout,
                                    const dk_panel *panel,
                                    const double *x,
                                    double *y,
                                    const dk_source *source);

/**
 * As dk_forward_relu_panel_f32, of f16.
 */
dk_status dk_forward_relu_panel_f16(const dk_dropout *dropout,
                                    const dk_panel *panel,
                                    const uint16_t *x,
                                    uint16_t *y,
                                    const dk_source *source);

/**
 * As dk_forward_relu_panel_f32, of bf16.
 */
dk_status dk_forward_relu_panel_bf16(const dk_dropout *dropout,
                                     const dk_panel *panel,
                                     const uint16_t *x,
                                     uint16_t *y,
                                     const dk_source *source);

/**
 * As dk_forward_relu_panel_f32, of int8_t.
 */
dk_status dk_forward_relu_panel_s8(const dk_dropout *dropout,
                                   const dk_panel *panel,
                                   const int8_t *x,
                                   int8_t *y,
                                   const dk_source *source);

/**
 * As dk_forward_relu_panel_f32, of int16_t.
 */
dk_status dk_forward_relu_panel_s16(const dk_dropout *dropout,
                                    const dk_panel *panel,
                                    const int16_t *x,
                                    int16_t *y,
                                    const dk_source *source);

/**
 * A sentence for a status, in English; also for numbers that are none.
 */
const char *dk_status_name(int32_t status);

/**
 * The version of the library: major * 10000 + minor * 100 + patch, to compare with DK_VERSION.
 */
uint32_t dk_version(void);

/**
 * The version of the mask stream, to compare with DK_STREAM_VERSION: what masks (seed, stream, p, n) names.
 */
uint32_t dk_stream_version(void);

/**
 * By which code this processor runs: "portable", "avx2", "avx512", "neon". All give the same bits.
 */
const char *dk_backend(void);

/**
 * Makes the rate nearest to p, the probability that an element is dropped. DK_NULL, DK_MISALIGNED, DK_NOT_A_NUMBER, DK_NEGATIVE,
 * DK_ABOVE_ONE; then the rate is as it was.
 *
 * Integer arithmetic alone. Multiples of 2^-40 are exact; 0.1f and 0.1 are two rates.
 */
dk_status dk_rate_from_f32(dk_rate *rate,
                           float p);

/**
 * The same of a double.
 */
dk_status dk_rate_from_f64(dk_rate *rate, double p);

/**
 * The rate numerator / denominator, rounded to 2^-40. DK_ABOVE_ONE, DK_ZERO_DENOMINATOR.
 */
dk_status dk_rate_from_ratio(dk_rate *rate, uint32_t numerator, uint32_t denominator);

/**
 * The rate threshold / 2^40. DK_ABOVE_ONE.
 */
dk_status dk_rate_from_threshold(dk_rate *rate, uint64_t threshold);

/**
 * 1 / (1 - p) for integers: m * 2^(shift - 31), m from 2^30 to 2^31 - 1, as TensorFlow Lite has it; (0, 0) at p = 1.
 * Who drops by dk_classic multiplies the scale of the tensor by it. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
 */
dk_status dk_rate_multiplier(const dk_rate *rate,
                             int32_t *m,
                             int32_t *shift);

/**
 * The multiplier m * 2^(shift - 31) of a requantisation that follows what was dropped by dk_classic, times 1 / (1 - p), in
 * place; at p = 1, where everything was dropped, it stays. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, and DK_MULTIPLIER unless m is from
 * 2^30 to 2^31 - 1 and shift from -62 to 62.
 */
dk_status dk_rate_requantisation(const dk_rate *rate,
                                 int32_t *m,
                                 int32_t *shift);

/**
 * Makes inverted dropout at a rate, with the zero point 0. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
 */
dk_status dk_inverted(dk_dropout *dropout, const dk_rate *rate);

/**
 * Makes classic dropout at a rate, with the zero point 0. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
 */
dk_status dk_classic(dk_dropout *dropout, const dk_rate *rate);

/**
 * The key of the stream of `seed` that a path of indices and extents leads to: ((i0 * n1 + i1) * n2 + i2) and
 * so on. Paths of the same extents never share a stream. DK_NULL, DK_MISALIGNED, DK_INDEX, and DK_OVERFLOW if the extents
 * have a product above 2^64.
 */
dk_status dk_key_at(dk_key *key,
                    uint64_t seed,
                    const dk_index *path,
                    size_t n);

/**
 * The key of a descendant of this one, by an index of any size: what JAX calls fold_in. Two descendants
 * share a stream with probability 2^-64 a pair; children of one key never.
 */
dk_key dk_key_fold(dk_key key, uint64_t index);

/**
 * Makes a generator at the start of a key's stream: its first mask is the one that dk_source_key(key) names. DK_NULL,
 * DK_MISALIGNED.
 */
dk_status dk_rng_init(dk_rng *rng,
                      dk_key key);

/**
 * Saves a generator as a checkpoint of DK_CHECKPOINT_BYTES bytes, the same on every machine, which says
 * what it is and ends with a check sum. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_OVERLAP, DK_ZERO_LANE, DK_EQUAL_LANES.
 */
dk_status dk_rng_save(const dk_rng *rng,
                      uint8_t *bytes);

/**
 * Makes the generator that was saved; it goes on where that one stood. Erased flash and zeroed RAM are no checkpoint, and
 * half-written bytes have another check sum. DK_NULL, DK_MISALIGNED, DK_NOT_A_CHECKPOINT, DK_OTHER_FORMAT,
 * DK_WRONG_LENGTH, DK_CHECK_SUM, DK_OTHER_STREAM, DK_ZERO_LANE, DK_EQUAL_LANES; then it is as it was.
 */
dk_status dk_rng_load(dk_rng *rng,
                      const uint8_t *bytes,
                      size_t n);

/**
 * Draws a mask and does not apply it. The source is dk_source_rng or dk_source_key_into; else
 * DK_SOURCE_NOT_DRAWN. At p = 0 it keeps all, at p = 1 it drops all, and the generator does not move.
 * DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_OVERFLOW.
 */
dk_status dk_fill(const dk_rate *rate, const dk_source *source);

/**
 * The elements that a mask of `bits` bits keeps; 0 if it is NULL or misaligned.
 */
size_t dk_mask_count_kept(const uint32_t *mask, size_t bits);

/**
 * Drops: y = forward(x), n elements; x == y allowed.
 *
 * With d = 1 where the mask keeps: y = d * x / (1 - p) (inverted), y = d * x (classic). A dropped
 * element is +0.0, or the zero point, whatever it was. At p = 0 what is drawn has the bits of x,
 * at p = 1 everything is dropped, and neither moves a generator. By a mask of your own p sets
 * the scale alone; at p = 1 the inverted rule has none, and drops everything. Of int8_t and int16_t the
 * product is rounded to nearest, halves up, and saturates (docs/QUANTISED.md).
 *
 * Any source; a mask has n bits. One pass; under 1 KiB of stack.
 * DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_ZERO_POINT,
 * DK_MASK_TOO_SHORT, DK_MASK_TOO_LONG, DK_OVERFLOW.
 */
dk_status dk_forward_f32(const dk_dropout *dropout,
                         const float *x,
                         float *y,
                         size_t n,
                         const dk_source *source);

/**
 * As dk_forward_f32, of double.
 */
dk_status dk_forward_f64(const dk_dropout *dropout,
                         const double *x,
                         double *y,
                         size_t n,
                         const dk_source *source);

/**
 * As dk_forward_f32, of f16.
 */
dk_status dk_forward_f16(const dk_dropout *dropout,
                         const uint16_t *x,
                         uint16_t *y,
                         size_t n,
                         const dk_source *source);

/**
 * As dk_forward_f32, of bf16.
 */
dk_status dk_forward_bf16(const dk_dropout *dropout,
                          const uint16_t *x,
                          uint16_t *y,
                          size_t n,
                          const dk_source *source);

/**
 * As dk_forward_f32, of int8_t.
 */
dk_status dk_forward_s8(const dk_dropout *dropout,
                        const int8_t *x,
                        int8_t *y,
                        size_t n,
                        const dk_source *source);

/**
 * As dk_forward_f32, of int16_t.
 */
dk_status dk_forward_s16(const dk_dropout *dropout,
                         const int16_t *x,
                         int16_t *y,
                         size_t n,
                         const dk_source *source);

/**
 * The gradient through what forward kept: dx = d * dy / (1 - p) (inverted), dx = d * dy (classic); dy == dx allowed.
 *
 * By forward's key, or its mask by dk_source_mask, at forward's rate; nothing new is drawn.
 * As dk_forward_f32, and DK_SOURCE_DRAWS.
 */
dk_status dk_backward_f32(const dk_dropout *dropout,
                          const float *dy,
                          float *dx,
                          size_t n,
                          const dk_source *source);

/**
 * As dk_backward_f32, of double.
 */
dk_status dk_backward_f64(const dk_dropout *dropout,
                          const double *dy,
                          double *dx,
                          size_t n,
                          const dk_source *source);

/**
 * As dk_backward_f32, of f16.
 */
dk_status dk_backward_f16(const dk_dropout *dropout,
                          const uint16_t *dy,
                          uint16_t *dx,
                          size_t n,
                          const dk_source *source);

/**
 * As dk_backward_f32, of bf16.
 */
dk_status dk_backward_bf16(const dk_dropout *dropout,
                           const uint16_t *dy,
                           uint16_t *dx,
                           size_t n,
                           const dk_source *source);

/**
 * As dk_backward_f32, of int8_t.
 */
dk_status dk_backward_s8(const dk_dropout *dropout,
                         const int8_t *dy,
                         int8_t *dx,
                         size_t n,
                         const dk_source *source);

/**
 * As dk_backward_f32, of int16_t.
 */
dk_status dk_backward_s16(const dk_dropout *dropout,
                          const int16_t *dy,
                          int16_t *dx,
                          size_t n,
                          const dk_source *source);

/**
 * Inference: y = x (inverted), y = (1 - p) * x (classic); x == y allowed. Over a layout it is the same call. At p = 0 it
 * copies, and at p = 1 the classic rule gives +0.0 or the zero point, of NaN too.
 *
 * DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_ZERO_POINT, DK_OVERFLOW.
 */
dk_status dk_infer_f32(const dk_dropout *dropout,
                       const float *x,
                       float *y,
                       size_t n);

/**
 * As dk_infer_f32, of double.
 */
dk_status dk_infer_f64(const dk_dropout *dropout, const double *x, double *y, size_t n);

/**
 * As dk_infer_f32, of f16.
 */
dk_status dk_infer_f16(const dk_dropout *dropout, const uint16_t *x, uint16_t *y, size_t n);

/**
 * As dk_infer_f32, of bf16.
 */
dk_status dk_infer_bf16(const dk_dropout *dropout, const uint16_t *x, uint16_t *y, size_t n);

/**
 * As dk_infer_f32, of int8_t.
 */
dk_status dk_infer_s8(const dk_dropout *dropout, const int8_t *x, int8_t *y, size_t n);

/**
 * As dk_infer_f32, of int16_t.
 */
dk_status dk_infer_s16(const dk_dropout *dropout, const int16_t *x, int16_t *y, size_t n);

/**
 * dk_forward_f32 over a layout, whose mask bits decide for several elements each: spatial and
 * variational dropout, stochastic depth. A mask has groups * width bits; it is never expanded.
 */
dk_status dk_forward_layout_f32(const dk_dropout *dropout,
                                const dk_layout *layout,
                                const float *x,
                                float *y,
                                const dk_source *source);

/**
 * As dk_forward_layout_f32, of double.
 */
dk_status dk_forward_layout_f64(const dk_dropout *dropout,
                                const dk_layout *layout,
                                const double *x,
                                double *y,
                                const dk_source *source);

/**
 * As dk_forward_layout_f32, of f16.
 */
dk_status dk_forward_layout_f16(const dk_dropout *dropout,
                                const dk_layout *layout,
                                const uint16_t *x,
                                uint16_t *y,
                                const dk_source *source);

/**
 * As dk_forward_layout_f32, of bf16.
 */
dk_status dk_forward_layout_bf16(const dk_dropout *dropout,
                                 const dk_layout *layout,
                                 const uint16_t *x,
                                 uint16_t *y,
                                 const dk_source *source);

/**
 * As dk_forward_layout_f32, of int8_t.
 */
dk_status dk_forward_layout_s8(const dk_dropout *dropout,
                               const dk_layout *layout,
                               const int8_t *x,
                               int8_t *y,
                               const dk_source *source);

/**
 * As dk_forward_layout_f32, of int16_t.
 */
dk_status dk_forward_layout_s16(const dk_dropout *dropout,
                                const dk_layout *layout,
                                const int16_t *x,
                                int16_t *y,
                                const dk_source *source);

/**
 * dk_backward_f32 over a layout.
 */
dk_status dk_backward_layout_f32(const dk_dropout *dropout,
                                 const dk_layout *layout,
                                 const float *dy,
                                 float *dx,
                                 const dk_source *source);

/**
 * As dk_backward_layout_f32, of double.
 */
dk_status dk_backward_layout_f64(const dk_dropout *dropout,
                                 const dk_layout *layout,
                                 const double *dy,
                                 double *dx,
                                 const dk_source *source);

/**
 * As dk_backward_layout_f32, of f16.
 */
dk_status dk_backward_layout_f16(const dk_dropout *dropout,
                                 const dk_layout *layout,
                                 const uint16_t *dy,
                                 uint16_t *dx,
                                 const dk_source *source);

/**
 * As dk_backward_layout_f32, of bf16.
 */
dk_status dk_backward_layout_bf16(const dk_dropout *dropout,
                                  const dk_layout *layout,
                                  const uint16_t *dy,
                                  uint16_t *dx,
                                  const dk_source *source);

/**
 * As dk_backward_layout_f32, of int8_t.
 */
dk_status dk_backward_layout_s8(const dk_dropout *dropout,
                                const dk_layout *layout,
                                const int8_t *dy,
                                int8_t *dx,
                                const dk_source *source);

/**
 * As dk_backward_layout_f32, of int16_t.
 */
dk_status dk_backward_layout_s16(const dk_dropout *dropout,
                                 const dk_layout *layout,
                                 const int16_t *dy,
                                 int16_t *dx,
                                 const dk_source *source);

/**
 * dk_forward_f32 over rows of a larger matrix; x and y point to the panel's first element. A mask
 * has (rows - 1) * mask_stride + width bits, or 0 if rows or width is 0; of one that was drawn for the whole matrix,
 * dk_source_window takes those from any bit on. DK_STRIDE if rows of y would overlap.
 */
dk_status dk_forward_panel_f32(const dk_dropout *dropout,
                               const dk_panel *panel,
                               const float *x,
                               float *y,
                               const dk_source *source);

/**
 * As dk_forward_panel_f32, of double.
 */
dk_status dk_forward_panel_f64(const dk_dropout *dropout,
                               const dk_panel *panel,
                               const double *x,
                               double *y,
                               const dk_source *source);

/**
 * As dk_forward_panel_f32, of f16.
 */
dk_status dk_forward_panel_f16(const dk_dropout *dropout,
                               const dk_panel *panel,
                               const uint16_t *x,
                               uint16_t *y,
                               const dk_source *source);

/**
 * As dk_forward_panel_f32, of bf16.
 */
dk_status dk_forward_panel_bf16(const dk_dropout *dropout,
                                const dk_panel *panel,
                                const uint16_t *x,
                                uint16_t *y,
                                const dk_source *source);

/**
 * As dk_forward_panel_f32, of int8_t.
 */
dk_status dk_forward_panel_s8(const dk_dropout *dropout,
                              const dk_panel *panel,
                              const int8_t *x,
                              int8_t *y,
                              const dk_source *source);

/**
 * As dk_forward_panel_f32, of int16_t.
 */
dk_status dk_forward_panel_s16(const dk_dropout *dropout,
                               const dk_panel *panel,
                               const int16_t *x,
                               int16_t *y,
                               const dk_source *source);

/**
 * dk_backward_f32 over rows of a larger matrix.
 */
dk_status dk_backward_panel_f32(const dk_dropout *dropout,
                                const dk_panel *panel,
                                const float *dy,
                                float *dx,
                                const dk_source *source);

/**
 * As dk_backward_panel_f32, of double.
 */
dk_status dk_backward_panel_f64(const dk_dropout *dropout,
                                const dk_panel *panel,
                                const double *dy,
                                double *dx,
                                const dk_source *source);

/**
 * As dk_backward_panel_f32, of f16.
 */
dk_status dk_backward_panel_f16(const dk_dropout *dropout,
                                const dk_panel *panel,
                                const uint16_t *dy,
                                uint16_t *dx,
                                const dk_source *source);

/**
 * As dk_backward_panel_f32, of bf16.
 */
dk_status dk_backward_panel_bf16(const dk_dropout *dropout,
                                 const dk_panel *panel,
                                 const uint16_t *dy,
                                 uint16_t *dx,
                                 const dk_source *source);

/**
 * As dk_backward_panel_f32, of int8_t.
 */
dk_status dk_backward_panel_s8(const dk_dropout *dropout,
                               const dk_panel *panel,
                               const int8_t *dy,
                               int8_t *dx,
                               const dk_source *source);

/**
 * As dk_backward_panel_f32, of int16_t.
 */
dk_status dk_backward_panel_s16(const dk_dropout *dropout,
                                const dk_panel *panel,
                                const int16_t *dy,
                                int16_t *dx,
                                const dk_source *source);

/**
 * dk_infer_f32 over rows of a larger matrix.
 */
dk_status dk_infer_panel_f32(const dk_dropout *dropout, const dk_panel *panel, const float *x, float *y);

/**
 * As dk_infer_panel_f32, of double.
 */
dk_status dk_infer_panel_f64(const dk_dropout *dropout, const dk_panel *panel, const double *x, double *y);

/**
 * As dk_infer_panel_f32, of f16.
 */
dk_status dk_infer_panel_f16(const dk_dropout *dropout,
                             const dk_panel *panel,
                             const uint16_t *x,
                             uint16_t *y);

/**
 * As dk_infer_panel_f32, of bf16.
 */
dk_status dk_infer_panel_bf16(const dk_dropout *dropout,
                              const dk_panel *panel,
                              const uint16_t *x,
                              uint16_t *y);

/**
 * As dk_infer_panel_f32, of int8_t.
 */
dk_status dk_infer_panel_s8(const dk_dropout *dropout, const dk_panel *panel, const int8_t *x, int8_t *y);

/**
 * As dk_infer_panel_f32, of int16_t.
 */
dk_status dk_infer_panel_s16(const dk_dropout *dropout, const dk_panel *panel, const int16_t *x, int16_t *y);

/**
 * Makes alpha dropout (Klambauer et al. 2017) at a rate: y = a * (d ? x : a') + b, which keeps the mean
 * and the variance of SELU activations. DK_NULL, DK_MISALIGNED, DK_NOT_MADE.
 */
dk_status dk_alpha_new(dk_alpha *alpha, const dk_rate *rate);

/**
 * Alpha dropout of inputs of another mean and variance, which stay: a = (q * (1 + p * (a' - mean)^2 / variance))^(-1/2) and
 * b = mean - a * (q * mean + p * a'), with q = 1 - p. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_MEAN, DK_VARIANCE.
 */
dk_status dk_alpha_of(dk_alpha *alpha,
                      const dk_rate *rate,
                      double mean,
                      double variance);

/**
 * Alpha dropout, n elements; x == y allowed. A dropped element becomes a * a' + b. As dk_forward_f32.
 */
dk_status dk_alpha_forward_f32(const dk_alpha *alpha,
                               const float *x,
                               float *y,
                               size_t n,
                               const dk_source *source);

/**
 * As dk_alpha_forward_f32, of double.
 */
dk_status dk_alpha_forward_f64(const dk_alpha *alpha,
                               const double *x,
                               double *y,
                               size_t n,
                               const dk_source *source);

/**
 * As dk_alpha_forward_f32, of f16.
 */
dk_status dk_alpha_forward_f16(const dk_alpha *alpha,
                               const uint16_t *x,
                               uint16_t *y,
                               size_t n,
                               const dk_source *source);

/**
 * As dk_alpha_forward_f32, of bf16.
 */
dk_status dk_alpha_forward_bf16(const dk_alpha *alpha,
                                const uint16_t *x,
                                uint16_t *y,
                                size_t n,
                                const dk_source *source);

/**
 * Its gradient: dx = d * a * dy. As dk_backward_f32. Inference is the identity.
 */
dk_status dk_alpha_backward_f32(const dk_alpha *alpha,
                                const float *dy,
                                float *dx,
                                size_t n,
                                const dk_source *source);

/**
 * As dk_alpha_backward_f32, of double.
 */
dk_status dk_alpha_backward_f64(const dk_alpha *alpha,
                                const double *dy,
                                double *dx,
                                size_t n,
                                const dk_source *source);

/**
 * As dk_alpha_backward_f32, of f16.
 */
dk_status dk_alpha_backward_f16(const dk_alpha *alpha,
                                const uint16_t *dy,
                                uint16_t *dx,
                                size_t n,
                                const dk_source *source);

/**
 * As dk_alpha_backward_f32, of bf16.
 */
dk_status dk_alpha_backward_bf16(const dk_alpha *alpha,
                                 const uint16_t *dy,
                                 uint16_t *dx,
                                 size_t n,
                                 const dk_source *source);

/**
 * Alpha dropout over a layout: of whole channels it is feature alpha dropout. As dk_forward_layout_f32.
 */
dk_status dk_alpha_forward_layout_f32(const dk_alpha *alpha,
                                      const dk_layout *layout,
                                      const float *x,
                                      float *y,
                                      const dk_source *source);

/**
 * As dk_alpha_forward_layout_f32, of double.
 */
dk_status dk_alpha_forward_layout_f64(const dk_alpha *alpha,
                                      const dk_layout *layout,
                                      const double *x,
                                      double *y,
                                      const dk_source *source);

/**
 * As dk_alpha_forward_layout_f32, of f16.
 */
dk_status dk_alpha_forward_layout_f16(const dk_alpha *alpha,
                                      const dk_layout *layout,
                                      const uint16_t *x,
                                      uint16_t *y,
                                      const dk_source *source);

/**
 * As dk_alpha_forward_layout_f32, of bf16.
 */
dk_status dk_alpha_forward_layout_bf16(const dk_alpha *alpha,
                                       const dk_layout *layout,
                                       const uint16_t *x,
                                       uint16_t *y,
                                       const dk_source *source);

/**
 * Its gradient. As dk_backward_layout_f32.
 */
dk_status dk_alpha_backward_layout_f32(const dk_alpha *alpha,
                                       const dk_layout *layout,
                                       const float *dy,
                                       float *dx,
                                       const dk_source *source);

/**
 * As dk_alpha_backward_layout_f32, of double.
 */
dk_status dk_alpha_backward_layout_f64(const dk_alpha *alpha,
                                       const dk_layout *layout,
                                       const double *dy,
                                       double *dx,
                                       const dk_source *source);

/**
 * As dk_alpha_backward_layout_f32, of f16.
 */
dk_status dk_alpha_backward_layout_f16(const dk_alpha *alpha,
                                       const dk_layout *layout,
                                       const uint16_t *dy,
                                       uint16_t *dx,
                                       const dk_source *source);

/**
 * As dk_alpha_backward_layout_f32, of bf16.
 */
dk_status dk_alpha_backward_layout_bf16(const dk_alpha *alpha,
                                        const dk_layout *layout,
                                        const uint16_t *dy,
                                        uint16_t *dx,
                                        const dk_source *source);

/**
 * DropKey (Li et al. 2023), of attention logits before the softmax: y = d ? x : -inf; x == y
 * allowed. Its gradient is dk_backward_f32 by dk_classic. As dk_forward_f32.
 */
dk_status dk_drop_key_forward_f32(const dk_rate *rate,
                                  const float *x,
                                  float *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_drop_key_forward_f32, of double.
 */
dk_status dk_drop_key_forward_f64(const dk_rate *rate,
                                  const double *x,
                                  double *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_drop_key_forward_f32, of f16.
 */
dk_status dk_drop_key_forward_f16(const dk_rate *rate,
                                  const uint16_t *x,
                                  uint16_t *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_drop_key_forward_f32, of bf16.
 */
dk_status dk_drop_key_forward_bf16(const dk_rate *rate,
                                   const uint16_t *x,
                                   uint16_t *y,
                                   size_t n,
                                   const dk_source *source);

/**
 * DropKey over a layout: a key that is dropped for all queries, or a head. As dk_forward_layout_f32.
 */
dk_status dk_drop_key_forward_layout_f32(const dk_rate *rate,
                                         const dk_layout *layout,
                                         const float *x,
                                         float *y,
                                         const dk_source *source);

/**
 * As dk_drop_key_forward_layout_f32, of double.
 */
dk_status dk_drop_key_forward_layout_f64(const dk_rate *rate,
                                         const dk_layout *layout,
                                         const double *x,
                                         double *y,
                                         const dk_source *source);

/**
 * As dk_drop_key_forward_layout_f32, of f16.
 */
dk_status dk_drop_key_forward_layout_f16(const dk_rate *rate,
                                         const dk_layout *layout,
                                         const uint16_t *x,
                                         uint16_t *y,
                                         const dk_source *source);

/**
 * As dk_drop_key_forward_layout_f32, of bf16.
 */
dk_status dk_drop_key_forward_layout_bf16(const dk_rate *rate,
                                          const dk_layout *layout,
                                          const uint16_t *x,
                                          uint16_t *y,
                                          const dk_source *source);

/**
 * gamma, the rate at which first corners of blocks are drawn: p * places / covered, with places the elements of a map, and covered the
 * product of b * (extent + 1 - b) over its axes, b the block or the extent if that is less. DK_NULL, DK_MISALIGNED, DK_NOT_MADE, DK_AXES,
 * DK_EMPTY_BLOCK, DK_OVERFLOW.
 */
dk_status dk_drop_block_seed_rate(const dk_drop_block *blocks,
                                  dk_rate *gamma);

/**
 * Draws the mask of blocks, and does not apply it. The source is dk_source_rng or dk_source_key_into,
 * with as many bits as the mask has; else DK_SOURCE_NOT_DRAWN. As dk_drop_block_forward_f32.
 */
dk_status dk_drop_block_fill(const dk_drop_block *blocks, const dk_source *source);

/**
 * Drops blocks of maps (Ghiasi et al. 2018); x == y allowed. Kept elements are scaled by bits / kept bits of
 * this mask, or of their sample's part of it; if nothing is kept, y is 0. The mask is in memory or drawn into memory: a key alone, or a window that begins at
 * no multiple of 32, is DK_SOURCE_NOT_STORED. A block that is larger than a map ends with it. The seeds' rate is computed anew by each call: some 40 steps of long
 * division.
 *
 * As dk_forward_f32, and DK_AXES, DK_EMPTY_BLOCK.
 */
dk_status dk_drop_block_forward_f32(const dk_drop_block *blocks,
                                    const float *x,
                                    float *y,
                                    const dk_source *source);

/**
 * As dk_drop_block_forward_f32, of double.
 */
dk_status dk_drop_block_forward_f64(const dk_drop_block *blocks,
                                    const double *x,
                                    double *y,
                                    const dk_source *source);

/**
 * As dk_drop_block_forward_f32, of f16.
 */
dk_status dk_drop_block_forward_f16(const dk_drop_block *blocks,
                                    const uint16_t *x,
                                    uint16_t *y,
                                    const dk_source *source);

/**
 * As dk_drop_block_forward_f32, of bf16.
 */
dk_status dk_drop_block_forward_bf16(const dk_drop_block *blocks,
                                     const uint16_t *x,
                                     uint16_t *y,
                                     const dk_source *source);

/**
 * As dk_drop_block_forward_f32, of int8_t.
 */
dk_status dk_drop_block_forward_s8(const dk_drop_block *blocks,
                                   const int8_t *x,
                                   int8_t *y,
                                   const dk_source *source);

/**
 * As dk_drop_block_forward_f32, of int16_t.
 */
dk_status dk_drop_block_forward_s16(const dk_drop_block *blocks,
                                    const int16_t *x,
                                    int16_t *y,
                                    const dk_source *source);

/**
 * Its gradient, by the mask that forward drew: dk_source_mask.
 */
dk_status dk_drop_block_backward_f32(const dk_drop_block *blocks,
                                     const float *dy,
                                     float *dx,
                                     const dk_source *source);

/**
 * As dk_drop_block_backward_f32, of double.
 */
dk_status dk_drop_block_backward_f64(const dk_drop_block *blocks,
                                     const double *dy,
                                     double *dx,
                                     const dk_source *source);

/**
 * As dk_drop_block_backward_f32, of f16.
 */
dk_status dk_drop_block_backward_f16(const dk_drop_block *blocks,
                                     const uint16_t *dy,
                                     uint16_t *dx,
                                     const dk_source *source);

/**
 * As dk_drop_block_backward_f32, of bf16.
 */
dk_status dk_drop_block_backward_bf16(const dk_drop_block *blocks,
                                      const uint16_t *dy,
                                      uint16_t *dx,
                                      const dk_source *source);

/**
 * As dk_drop_block_backward_f32, of int8_t.
 */
dk_status dk_drop_block_backward_s8(const dk_drop_block *blocks,
                                    const int8_t *dy,
                                    int8_t *dx,
                                    const dk_source *source);

/**
 * As dk_drop_block_backward_f32, of int16_t.
 */
dk_status dk_drop_block_backward_s16(const dk_drop_block *blocks,
                                     const int16_t *dy,
                                     int16_t *dx,
                                     const dk_source *source);

/**
 * Multiplies with the weights that are kept: y = s (M o W) x, with s = 1 / (1 - p) by the inverted rule and 1 by the classic one.
 * x is batch x columns and y batch x rows, all under one mask of rows * columns bits; y is overwritten, and is
 * neither w nor x. A dropped weight takes no part: it may be NaN, and so may the x that it meets.
 *
 * Element of y: 32 sums, of which sum i adds the kept products of columns i, i + 32, i + 64 and so on from +0.0; the upper
 * half of the sums is added to the lower, five times, and the sum is multiplied with s. As dk_forward_f32, and
 * DK_OVERFLOW for more weights, inputs or outputs than a size_t counts.
 *
 * Weights that are stored as inputs x outputs: rows are the inputs. Forward is dk_drop_connect_backward_input_f32, by a key or by
 * a mask that dk_fill drew; the gradient to the input is this call, dk_drop_connect_backward_weights_f32 takes dy and x in
 * each other's place, and inference is dk_drop_connect_infer_transposed_f32.
 */
dk_status dk_drop_connect_forward_f32(const dk_drop_connect *layer,
                                      const float *w,
                                      const float *x,
                                      float *y,
                                      size_t batch,
                                      const dk_source *source);

/**
 * As dk_drop_connect_forward_f32, of double.
 */
dk_status dk_drop_connect_forward_f64(const dk_drop_connect *layer,
                                      const double *w,
                                      const double *x,
                                      double *y,
                                      size_t batch,
                                      const dk_source *source);

/**
 * As dk_drop_connect_forward_f32, of f16.
 */
dk_status dk_drop_connect_forward_f16(const dk_drop_connect *layer,
                                      const uint16_t *w,
                                      const uint16_t *x,
                                      uint16_t *y,
                                      size_t batch,
                                      const dk_source *source);

/**
 * As dk_drop_connect_forward_f32, of bf16.
 */
dk_status dk_drop_connect_forward_bf16(const dk_drop_connect *layer,
                                       const uint16_t *w,
                                       const uint16_t *x,
                                       uint16_t *y,
                                       size_t batch,
                                       const dk_source *source);

/**
 * The gradient to the input: dx = s (M o W)^T dy, by forward's key or mask. dx is overwritten, row after row added to
 * +0.0. As dk_drop_connect_forward_f32, and DK_SOURCE_DRAWS.
 */
dk_status dk_drop_connect_backward_input_f32(const dk_drop_connect *layer,
                                             const float *w,
                                             const float *dy,
                                             float *dx,
                                             size_t batch,
                                             const dk_source *source);

/**
 * As dk_drop_connect_backward_input_f32, of double.
 */
dk_status dk_drop_connect_backward_input_f64(const dk_drop_connect *layer,
                                             const double *w,
                                             const double *dy,
                                             double *dx,
                                             size_t batch,
                                             const dk_source *source);

/**
 * As dk_drop_connect_backward_input_f32, of f16.
 */
dk_status dk_drop_connect_backward_input_f16(const dk_drop_connect *layer,
                                             const uint16_t *w,
                                             const uint16_t *dy,
                                             uint16_t *dx,
                                             size_t batch,
                                             const dk_source *source);

/**
 * As dk_drop_connect_backward_input_f32, of bf16.
 */
dk_status dk_drop_connect_backward_input_bf16(const dk_drop_connect *layer,
                                              const uint16_t *w,
                                              const uint16_t *dy,
                                              uint16_t *dx,
                                              size_t batch,
                                              const dk_source *source);

/**
 * Adds the gradient to the weights to what dw holds: dW += s M o (dy x^T), sample after sample. Those of dropped weights
 * keep their bits. As dk_drop_connect_backward_input_f32.
 */
dk_status dk_drop_connect_backward_weights_f32(const dk_drop_connect *layer,
                                               const float *x,
                                               const float *dy,
                                               float *dw,
                                               size_t batch,
                                               const dk_source *source);

/**
 * As dk_drop_connect_backward_weights_f32, of double.
 */
dk_status dk_drop_connect_backward_weights_f64(const dk_drop_connect *layer,
                                               const double *x,
                                               const double *dy,
                                               double *dw,
                                               size_t batch,
                                               const dk_source *source);

/**
 * As dk_drop_connect_backward_weights_f32, of f16.
 */
dk_status dk_drop_connect_backward_weights_f16(const dk_drop_connect *layer,
                                               const uint16_t *x,
                                               const uint16_t *dy,
                                               uint16_t *dw,
                                               size_t batch,
                                               const dk_source *source);

/**
 * As dk_drop_connect_backward_weights_f32, of bf16.
 */
dk_status dk_drop_connect_backward_weights_bf16(const dk_drop_connect *layer,
                                                const uint16_t *x,
                                                const uint16_t *dy,
                                                uint16_t *dw,
                                                size_t batch,
                                                const dk_source *source);

/**
 * Inference: y = W x, or (1 - p) W x by the classic rule (zeros at p = 1). x is batch x columns, y batch x rows. DK_NULL,
 * DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_ZERO_POINT, DK_OVERFLOW.
 */
dk_status dk_drop_connect_infer_f32(const dk_drop_connect *layer,
                                    const float *w,
                                    const float *x,
                                    float *y,
                                    size_t batch);

/**
 * As dk_drop_connect_infer_f32, of double.
 */
dk_status dk_drop_connect_infer_f64(const dk_drop_connect *layer,
                                    const double *w,
                                    const double *x,
                                    double *y,
                                    size_t batch);

/**
 * As dk_drop_connect_infer_f32, of f16.
 */
dk_status dk_drop_connect_infer_f16(const dk_drop_connect *layer,
                                    const uint16_t *w,
                                    const uint16_t *x,
                                    uint16_t *y,
                                    size_t batch);

/**
 * As dk_drop_connect_infer_f32, of bf16.
 */
dk_status dk_drop_connect_infer_bf16(const dk_drop_connect *layer,
                                     const uint16_t *w,
                                     const uint16_t *x,
                                     uint16_t *y,
                                     size_t batch);

/**
 * The same of weights that are stored as inputs x outputs: y = W^T x. x is batch x rows, y batch x columns.
 */
dk_status dk_drop_connect_infer_transposed_f32(const dk_drop_connect *layer,
                                               const float *w,
                                               const float *x,
                                               float *y,
                                               size_t batch);

/**
 * As dk_drop_connect_infer_transposed_f32, of double.
 */
dk_status dk_drop_connect_infer_transposed_f64(const dk_drop_connect *layer,
                                               const double *w,
                                               const double *x,
                                               double *y,
                                               size_t batch);

/**
 * As dk_drop_connect_infer_transposed_f32, of f16.
 */
dk_status dk_drop_connect_infer_transposed_f16(const dk_drop_connect *layer,
                                               const uint16_t *w,
                                               const uint16_t *x,
                                               uint16_t *y,
                                               size_t batch);

/**
 * As dk_drop_connect_infer_transposed_f32, of bf16.
 */
dk_status dk_drop_connect_infer_transposed_bf16(const dk_drop_connect *layer,
                                                const uint16_t *w,
                                                const uint16_t *x,
                                                uint16_t *y,
                                                size_t batch);

/**
 * LayerDrop (Fan et al. 2020): the layers that are kept at inference, in a mask of a bit for each. Left out is each whose depth,
 * counted from 1, is a multiple of `every`: at 2 every other layer, at 1 all, at 0 none. What is left out in
 * training dk_fill decides, by a mask of as many bits: layer l runs where dk_mask_get(mask, l), forward and
 * backward, and else x goes on. DK_NULL, DK_MISALIGNED, DK_OVERFLOW.
 */
dk_status dk_layer_drop_prune(uint32_t *mask,
                              size_t layers,
                              size_t every);

/**
 * Adds a uniform number to every element of embeddings: y = x + alpha / sqrt(length * dimension) * u, u from -1 to 1; x == y allowed. n
 * elements are one sequence or several. dx = dy, and inference is the identity.
 *
 * There is no mask: the source is dk_source_key or dk_source_noise, else DK_SOURCE_HAS_MASK. Calls can be split at multiples of 16
 * elements. DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, and DK_OVERFLOW if a sequence has more than 2^40
 * elements.
 */
dk_status dk_embedding_noise_forward_f32(const dk_embedding_noise *noise,
                                         const float *x,
                                         float *y,
                                         size_t n,
                                         const dk_source *source);

/**
 * As dk_embedding_noise_forward_f32, of double.
 */
dk_status dk_embedding_noise_forward_f64(const dk_embedding_noise *noise,
                                         const double *x,
                                         double *y,
                                         size_t n,
                                         const dk_source *source);

/**
 * As dk_embedding_noise_forward_f32, of f16.
 */
dk_status dk_embedding_noise_forward_f16(const dk_embedding_noise *noise,
                                         const uint16_t *x,
                                         uint16_t *y,
                                         size_t n,
                                         const dk_source *source);

/**
 * As dk_embedding_noise_forward_f32, of bf16.
 */
dk_status dk_embedding_noise_forward_bf16(const dk_embedding_noise *noise,
                                          const uint16_t *x,
                                          uint16_t *y,
                                          size_t n,
                                          const dk_source *source);

/**
 * Makes Concrete dropout (Gal et al. 2017) of the probability p to drop, which is then learned, and of a temperature. DK_NULL,
 * DK_MISALIGNED, DK_NEGATIVE, DK_ABOVE_ONE, DK_RATE_ZERO (below e^-87; e^-708 of double), DK_RATE_ONE, DK_NOT_A_NUMBER, DK_TEMPERATURE.
 */
dk_status dk_concrete_new_f32(dk_concrete_f32 *layer,
                              float p,
                              float temperature);

/**
 * p of the logit. DK_NULL, DK_MISALIGNED, and DK_RATE_ZERO, DK_RATE_ONE, DK_NOT_A_NUMBER or DK_TEMPERATURE where the logit
 * or the temperature is none, as in all calls that take the layer.
 */
dk_status dk_concrete_p_f32(const dk_concrete_f32 *layer,
                            float *p);

/**
 * What a layer adds to the loss, without which p falls to 0: R = w |W|^2 / (1 - p) + e K (p ln p + (1 - p) ln(1 - p)), and its
 * gradients. squares: |W|^2, the sum of the squares of the weights that multiply y; inputs: K, features or channels that the layer
 * drops. The paper's code has w = s^2 / (tau N) and e = 2 / (tau N) for a squared error, 1 / N for a cross-entropy, with N examples,
 * a length scale s and a precision tau. As dk_concrete_p_f32.
 */
dk_status dk_concrete_penalty_f32(const dk_concrete_f32 *layer,
                                  float squares,
                                  uint32_t inputs,
                                  float weight,
                                  float entropy,
                                  dk_penalty_f32 *penalty);

/**
 * As dk_concrete_new_f32, of double.
 */
dk_status dk_concrete_new_f64(dk_concrete_f64 *layer, double p, double temperature);

/**
 * As dk_concrete_p_f32, of double.
 */
dk_status dk_concrete_p_f64(const dk_concrete_f64 *layer, double *p);

/**
 * As dk_concrete_penalty_f32, of double.
 */
dk_status dk_concrete_penalty_f64(const dk_concrete_f64 *layer,
                                  double squares,
                                  uint32_t inputs,
                                  double weight,
                                  double entropy,
                                  dk_penalty_f64 *penalty);

/**
 * Concrete dropout: y = x (1 - z) / (1 - p), x == y allowed, with a gate z = sigmoid((logit + ln u - ln(1 - u)) / temperature)
 * and a u for every element, uniform between 0 and 1. z is near 1 where an element is dropped. Inference is the identity. f16 and
 * bf16 are computed with in float.
 *
 * There is no mask: the source is dk_source_key or dk_source_noise, else DK_SOURCE_HAS_MASK. Calls can be split at multiples of 16
 * elements. DK_NULL, DK_MISALIGNED, DK_OVERLAP, DK_NOT_MADE, DK_UNKNOWN_SOURCE, DK_OVERFLOW, and those of dk_concrete_p_f32.
 */
dk_status dk_concrete_forward_f32(const dk_concrete_f32 *layer,
                                  const float *x,
                                  float *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_concrete_forward_f32, of double.
 */
dk_status dk_concrete_forward_f64(const dk_concrete_f64 *layer,
                                  const double *x,
                                  double *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_concrete_forward_f32, of f16.
 */
dk_status dk_concrete_forward_f16(const dk_concrete_f32 *layer,
                                  const uint16_t *x,
                                  uint16_t *y,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_concrete_forward_f32, of bf16.
 */
dk_status dk_concrete_forward_bf16(const dk_concrete_f32 *layer,
                                   const uint16_t *x,
                                   uint16_t *y,
                                   size_t n,
                                   const dk_source *source);

/**
 * Its gradients, of forward's x: dx = dy (1 - z) / (1 - p), dy == dx allowed, and to_logit = the sum of dx x (p - z / temperature),
 * which is written, not added. (To p it is to_logit / (p (1 - p)).) By forward's key, or by a copy of the generator as
 * it stood before forward, which moves as that one did. As dk_concrete_forward_f32.
 */
dk_status dk_concrete_backward_f32(const dk_concrete_f32 *layer,
                                   const float *x,
                                   const float *dy,
                                   float *dx,
                                   size_t n,
                                   float *to_logit,
                                   const dk_source *source);

/**
 * As dk_concrete_backward_f32, of double.
 */
dk_status dk_concrete_backward_f64(const dk_concrete_f64 *layer,
                                   const double *x,
                                   const double *dy,
                                   double *dx,
                                   size_t n,
                                   double *to_logit,
                                   const dk_source *source);

/**
 * As dk_concrete_backward_f32, of f16.
 */
dk_status dk_concrete_backward_f16(const dk_concrete_f32 *layer,
                                   const uint16_t *x,
                                   const uint16_t *dy,
                                   uint16_t *dx,
                                   size_t n,
                                   float *to_logit,
                                   const dk_source *source);

/**
 * As dk_concrete_backward_f32, of bf16.
 */
dk_status dk_concrete_backward_bf16(const dk_concrete_f32 *layer,
                                    const uint16_t *x,
                                    const uint16_t *dy,
                                    uint16_t *dx,
                                    size_t n,
                                    float *to_logit,
                                    const dk_source *source);

/**
 * Zoneout (Krueger et al. 2017) of n units of a recurrent state: h = d ? h_new : h_prev, so a unit stays as it was
 * with probability p. h may be h_prev or h_new. As dk_forward_f32.
 */
dk_status dk_zoneout_forward_f32(const dk_rate *rate,
                                 const float *h_prev,
                                 const float *h_new,
                                 float *h,
                                 size_t n,
                                 const dk_source *source);

/**
 * As dk_zoneout_forward_f32, of double.
 */
dk_status dk_zoneout_forward_f64(const dk_rate *rate,
                                 const double *h_prev,
                                 const double *h_new,
                                 double *h,
                                 size_t n,
                                 const dk_source *source);

/**
 * As dk_zoneout_forward_f32, of f16.
 */
dk_status dk_zoneout_forward_f16(const dk_rate *rate,
                                 const uint16_t *h_prev,
                                 const uint16_t *h_new,
                                 uint16_t *h,
                                 size_t n,
                                 const dk_source *source);

/**
 * As dk_zoneout_forward_f32, of bf16.
 */
dk_status dk_zoneout_forward_bf16(const dk_rate *rate,
                                  const uint16_t *h_prev,
                                  const uint16_t *h_new,
                                  uint16_t *h,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_zoneout_forward_f32, of int8_t.
 */
dk_status dk_zoneout_forward_s8(const dk_rate *rate,
                                const int8_t *h_prev,
                                const int8_t *h_new,
                                int8_t *h,
                                size_t n,
                                const dk_source *source);

/**
 * As dk_zoneout_forward_f32, of int16_t.
 */
dk_status dk_zoneout_forward_s16(const dk_rate *rate,
                                 const int16_t *h_prev,
                                 const int16_t *h_new,
                                 int16_t *h,
                                 size_t n,
                                 const dk_source *source);

/**
 * Its gradient: dh_prev = d ? 0 : dh, dh_new = d ? dh : 0. dh_new may be dh. As dk_backward_f32.
 */
dk_status dk_zoneout_backward_f32(const dk_rate *rate,
                                  const float *dh,
                                  float *dh_prev,
                                  float *dh_new,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_zoneout_backward_f32, of double.
 */
dk_status dk_zoneout_backward_f64(const dk_rate *rate,
                                  const double *dh,
                                  double *dh_prev,
                                  double *dh_new,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_zoneout_backward_f32, of f16.
 */
dk_status dk_zoneout_backward_f16(const dk_rate *rate,
                                  const uint16_t *dh,
                                  uint16_t *dh_prev,
                                  uint16_t *dh_new,
                                  size_t n,
                                  const dk_source *source);

/**
 * As dk_zoneout_backward_f32, of bf16.
 */
dk_status dk_zoneout_backward_bf16(const dk_rate *rate,
                                   const uint16_t *dh,
                                   uint16_t *dh_prev,
                                   uint16_t *dh_new,
                                   size_t n,
                                   const dk_source *source);

/**
 * As dk_zoneout_backward_f32, of int8_t.
 */
dk_status dk_zoneout_backward_s8(const dk_rate *rate,
                                 const int8_t *dh,
                                 int8_t *dh_prev,
                                 int8_t *dh_new,
                                 size_t n,
                                 const dk_source *source);

/**
 * As dk_zoneout_backward_f32, of int16_t.
 */
dk_status dk_zoneout_backward_s16(const dk_rate *rate,
                                  const int16_t *dh,
                                  int16_t *dh_prev,
                                  int16_t *dh_new,
                                  size_t n,
                                  const dk_source *source);

/**
 * Inference: h = p * h_prev + (1 - p) * h_new; at p = 0 and p = 1 it copies. h may be h_prev or h_new.
 */
dk_status dk_zoneout_infer_f32(const dk_rate *rate,
                               const float *h_prev,
                               const float *h_new,
                               float *h,
                               size_t n);

/**
 * As dk_zoneout_infer_f32, of double.
 */
dk_status dk_zoneout_infer_f64(const dk_rate *rate,
                               const double *h_prev,
                               const double *h_new,
                               double *h,
                               size_t n);

/**
 * As dk_zoneout_infer_f32, of f16.
 */
dk_status dk_zoneout_infer_f16(const dk_rate *rate,
                               const uint16_t *h_prev,
                               const uint16_t *h_new,
                               uint16_t *h,
                               size_t n);

/**
 * As dk_zoneout_infer_f32, of bf16.
 */
dk_status dk_zoneout_infer_bf16(const dk_rate *rate,
                                const uint16_t *h_prev,
                                const uint16_t *h_new,
                                uint16_t *h,
                                size_t n);

/**
 * As dk_zoneout_infer_f32, of int8_t.
 */
dk_status dk_zoneout_infer_s8(const dk_rate *rate,
                              const int8_t *h_prev,
                              const int8_t *h_new,
                              int8_t *h,
                              size_t n);

/**
 * As dk_zoneout_infer_f32, of int16_t.
 */
dk_status dk_zoneout_infer_s16(const dk_rate *rate,
                               const int16_t *h_prev,
                               const int16_t *h_new,
                               int16_t *h,
                               size_t n);

/**
 * dk_forward_s8 with products that are rounded up or down at random, right on average, by the bits
 * of a key, which may be the mask's. DK_CLASSIC_RULE by dk_classic, which rounds nothing.
 */
dk_status dk_forward_stochastic_s8(const dk_dropout *dropout,
                                   const int8_t *x,
                                   int8_t *y,
                                   size_t n,
                                   const dk_source *source,
                                   dk_key rounding);

/**
 * As dk_forward_stochastic_s8, of int16_t.
 */
dk_status dk_forward_stochastic_s16(const dk_dropout *dropout,
                                    const int16_t *x,
                                    int16_t *y,
                                    size_t n,
                                    const dk_source *source,
                                    dk_key rounding);

/**
 * dk_backward_s8, rounded so: small gradients are not lost.
 */
dk_status dk_backward_stochastic_s8(const dk_dropout *dropout,
                                    const int8_t *dy,
                                    int8_t *dx,
                                    size_t n,
                                    const dk_source *source,
                                    dk_key rounding);

/**
 * As dk_backward_stochastic_s8, of int16_t.
 */
dk_status dk_backward_stochastic_s16(const dk_dropout *dropout,
                                     const int16_t *dy,
                                     int16_t *dx,
                                     size_t n,
                                     const dk_source *source,
                                     dk_key rounding);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* The mask of a key, in no memory. For every function but those that need all of a mask. */
static inline dk_source dk_source_key(dk_key key) {
  dk_source source = {DK_SOURCE_KEY, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.key = key;
  return source;
}

/* The mask of a key, drawn into DK_MASK_WORDS(bits) words at `draw`, and applied. */
static inline dk_source dk_source_key_into(dk_key key, uint32_t *draw, size_t bits) {
  dk_source source = {DK_SOURCE_KEY_INTO, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.bits = bits;
  source.draw = draw;
  source.key = key;
  return source;
}

/* The next mask of a generator, drawn into DK_MASK_WORDS(bits) words at `draw`, and applied. */
static inline dk_source dk_source_rng(dk_rng *rng, uint32_t *draw, size_t bits) {
  dk_source source = {DK_SOURCE_RNG, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.bits = bits;
  source.draw = draw;
  source.rng = rng;
  return source;
}

/* What a generator gives next, for what takes noise and no mask: Concrete dropout, noise on embeddings. */
static inline dk_source dk_source_noise(dk_rng *rng) {
  dk_source source = {DK_SOURCE_RNG, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.rng = rng;
  return source;
}

/* A mask of `bits` bits that was drawn before, or is your own. Its last word's further bits mean nothing. */
static inline dk_source dk_source_mask(const uint32_t *mask, size_t bits) {
  dk_source source = {DK_SOURCE_MASK, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.bits = bits;
  source.mask = mask;
  return source;
}

/* `bits` bits of a mask from bit `first` on. */
static inline dk_source dk_source_window(const uint32_t *mask, size_t first, size_t bits) {
  dk_source source = {DK_SOURCE_MASK, 0, 0, NULL, NULL, NULL, {0, 0}};
  source.bits = bits;
  source.first = first;
  source.mask = mask;
  return source;
}

/* Whether element i of a mask is kept. */
static inline int dk_mask_get(const uint32_t *mask, size_t i) {
  return (int)(mask[i / 32] >> (i % 32) & 1);
}

/* Keeps element i of a mask, or drops it. */
static inline void dk_mask_set(uint32_t *mask, size_t i, int keep) {
  uint32_t bit = UINT32_C(1) << (i % 32);
  mask[i / 32] = keep ? mask[i / 32] | bit : mask[i / 32] & ~bit;
}

#endif /* DROPOUT_KERNELS_H */
