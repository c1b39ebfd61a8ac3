/* fusebox: a network that learns and infers in memory of the caller. Written by `cargo xtask c`; do not edit.
 *
 *     static fusebox network;
 *     fusebox_status status = fusebox_init(&network, sizeof network, &FUSEBOX_SIZES);
 *
 * The sizes are in fusebox_sizes.h, which is included at the end and is of one target and one network.
 *
 * Every function but fusebox_text returns a status, which is negative if it is an error: then nothing was changed. Null and
 * misaligned pointers, wrong numbers, memory that was not initialised, and memory that overlaps are errors. What cannot be
 * checked, the caller answers for:
 *
 * 1. A pointer points to as many elements as the function's description says.
 * 2. While a call runs, nobody else uses what it was given, other than to read what it only reads: calls on the same memory
 *    do not overlap, also not from an interrupt.
 * 3. Only these functions write to a `fusebox` or a `fusebox_inference` after it was initialised. (It may be moved.)
 * 4. The weights of a `fusebox_inference` stay where they are, unchanged, as long as it is used.
 *
 * No function allocates, waits, or keeps a pointer, but for the weights of a `fusebox_inference`. Rows follow one another
 * without gaps. */

#ifndef FUSEBOX_H
#define FUSEBOX_H

#include <stddef.h>
#include <stdint.h>

/**
 * The result of a call. Errors are negative; a call that returns one has changed nothing.
 */
enum fusebox_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  FUSEBOX_STATUS_OK = 0,
  /**
   * The training step is not finished: call `fusebox_poll` again.
   */
  FUSEBOX_STATUS_PENDING = 1,
  /**
   * A pointer is null.
   */
  FUSEBOX_STATUS_NULL = -1,
  /**
   * A pointer is not aligned for its type.
   */
  FUSEBOX_STATUS_MISALIGNED = -2,
  /**
   * Memory that the call writes overlaps other memory that it was given.
   */
  FUSEBOX_STATUS_OVERLAP = -3,
  /**
   * The header was written for another library: write both again.
   */
  FUSEBOX_STATUS_SIZES = -4,
  /**
   * The memory is too small.
   */
  FUSEBOX_STATUS_MEMORY = -5,
  /**
   * The memory was not initialised, or by the library of another network.
   */
  FUSEBOX_STATUS_UNINITIALIZED = -6,
  /**
   * There are no rows, or more than FUSEBOX_BATCH.
   */
  FUSEBOX_STATUS_ROWS = -7,
  /**
   * A target is not valid: a label that is not below the number of classes, or a number that is not finite.
   */
  FUSEBOX_STATUS_TARGET = -8,
  /**
   * The learning rate is out of range.
   */
  FUSEBOX_STATUS_LEARNING_RATE = -9,
  /**
   * A training step is in progress, or rows are staged for one.
   */
  FUSEBOX_STATUS_BUSY = -10,
  /**
   * No training step is in progress.
   */
  FUSEBOX_STATUS_IDLE = -11,
  /**
   * Saved bytes are incomplete, or there are too many; or there is too little room for them.
   */
  FUSEBOX_STATUS_LENGTH = -12,
  /**
   * The bytes are not those of a saved network or training.
   */
  FUSEBOX_STATUS_NOT_SAVED = -13,
  /**
   * The bytes were saved by another version of fusebox.
   */
  FUSEBOX_STATUS_VERSION = -14,
  /**
   * The bytes were saved from another network or optimiser; or they are weights where a training is expected, or the
   * other way round.
   */
  FUSEBOX_STATUS_NETWORK = -15,
  /**
   * The bytes were changed after they were saved.
   */
  FUSEBOX_STATUS_DAMAGED = -16,
  /**
   * The network refuses the input or the setting for another reason.
   */
  FUSEBOX_STATUS_REFUSED = -17,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum fusebox_status fusebox_status;
#else
typedef int32_t fusebox_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A network that learns: weights, optimiser, and all memory for both. Declare one, or allocate FUSEBOX_MEMORY_BYTES at a
 * multiple of FUSEBOX_MEMORY_ALIGN, and initialise it with `fusebox_init`. It holds no pointers, so it may be copied and moved.
 */
typedef struct fusebox fusebox;

/**
 * A network that only infers: the memory for that, and a pointer to its weights. Declare one, or allocate
 * FUSEBOX_INFERENCE_BYTES at a multiple of FUSEBOX_INFERENCE_ALIGN, and initialise it with `fusebox_inference_init`.
 */
typedef struct fusebox_inference fusebox_inference;

/**
 * What a header says about the library that it was written for: `FUSEBOX_SIZES`, in bytes unless said otherwise.
 */
typedef struct fusebox_sizes {
  /**
   * The version of these functions.
   */
  uint32_t interface;
  /**
   * Size of a `fusebox`.
   */
  uint32_t memory_bytes;
  /**
   * Its alignment.
   */
  uint32_t memory_align;
  /**
   * Size of a `fusebox_inference`.
   */
  uint32_t inference_bytes;
  /**
   * Its alignment.
   */
  uint32_t inference_align;
  /**
   * Numbers of a row of inputs.
   */
  uint32_t inputs;
  /**
   * Numbers of a row of outputs.
   */
  uint32_t outputs;
  /**
   * The most rows of a call.
   */
  uint32_t batch;
  /**
   * Size of a row's target.
   */
  uint32_t target_bytes;
  /**
   * Bytes that `fusebox_save` writes.
   */
  uint32_t save_bytes;
  /**
   * Bytes that `fusebox_save_weights` writes.
   */
  uint32_t weights_bytes;
  /**
   * Where in these the weights themselves begin.
   */
  uint32_t weights_offset;
  /**
   * Parameters of the network.
   */
  uint32_t parameters;
  /**
   * A hash of the network, its optimiser and their sizes.
   */
  uint32_t network;
} fusebox_sizes;

/**
 * What is to be learned of a row: for a class, its number, from zero; for numbers (`Mse`, `Huber`), as many as the network has
 * outputs.
 */
typedef uint8_t fusebox_target;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * A sentence about a status, in English, that ends with a zero. It is never null, and need not be freed.
 */
const char *fusebox_text(int32_t status);

/**
 * Gives the network its initial weights. `bytes` is the size of the memory; `sizes` is `&FUSEBOX_SIZES`.
 *
 * Initialising it again starts again from the same weights.
 */
fusebox_status fusebox_init(struct fusebox *memory,
                            size_t bytes,
                            const struct fusebox_sizes *sizes);

/**
 * Overwrites `outputs`, `rows` times FUSEBOX_OUTPUTS numbers, with the network's outputs for `inputs`, `rows` times
 * FUSEBOX_INPUTS numbers. From 1 to FUSEBOX_BATCH rows. While a step is in progress, the weights are those before it.
 */
fusebox_status fusebox_infer(struct fusebox *network,
                             const float *inputs,
                             float *outputs,
                             size_t rows);

/**
 * Trains on a batch of `rows` rows, from 1 to FUSEBOX_BATCH: `inputs` is `rows` times FUSEBOX_INPUTS numbers, `targets`
 * one target for each row. Overwrites `loss` with the mean loss before the step; where that is not finite, neither are the
 * new weights.
 */
fusebox_status fusebox_train_step(struct fusebox *network,
                                  const float *inputs,
                                  const fusebox_target *targets,
                                  size_t rows,
                                  float learning_rate,
                                  float *loss);

/**
 * Stages a row for the next step: `input` is FUSEBOX_INPUTS numbers, `target` one target. At most FUSEBOX_BATCH rows.
 */
fusebox_status fusebox_push(struct fusebox *network,
                            const float *input,
                            const fusebox_target *target);

/**
 * Starts a training step on the rows staged; `fusebox_poll` runs it.
 */
fusebox_status fusebox_start(struct fusebox *network, float learning_rate);

/**
 * Runs a slice of the step: at most `multiply_adds` of these, or one unit of work, which may be more. Returns
 * FUSEBOX_STATUS_PENDING until the step is finished; then FUSEBOX_STATUS_OK, overwrites `loss` with the mean loss before the
 * step, and the new weights are in use. Slices give the same bits as `fusebox_train_step`.
 */
fusebox_status fusebox_poll(struct fusebox *network,
                            size_t multiply_adds,
                            float *loss);

/**
 * Discards the rows staged, and the step in progress: the weights are as before it. FUSEBOX_STATUS_BUSY if the step has
 * begun to change the optimiser: then poll it to its end.
 */
fusebox_status fusebox_cancel(struct fusebox *network);

/**
 * Writes weights and optimiser to `bytes`, FUSEBOX_SAVE_BYTES or more; `size` is how many there are. A training that is
 * restored goes on with the same bits. FUSEBOX_STATUS_BUSY if a step is in progress; rows staged are not saved.
 */
fusebox_status fusebox_save(const struct fusebox *network,
                            uint8_t *bytes,
                            size_t size);

/**
 * Overwrites weights and optimiser with what `fusebox_save` wrote, `size` bytes. Rows staged and a step in progress are
 * discarded. Bytes that are incomplete, damaged, or of another network are an error, and change nothing.
 */
fusebox_status fusebox_restore(struct fusebox *network,
                               const uint8_t *bytes,
                               size_t size);

/**
 * Writes the weights alone to `bytes`, FUSEBOX_WEIGHTS_BYTES or more; `size` is how many there are. The weights themselves,
 * FUSEBOX_PARAMETERS little-endian `float`s, begin at the byte FUSEBOX_WEIGHTS_OFFSET.
 */
fusebox_status fusebox_save_weights(const struct fusebox *network,
                                    uint8_t *bytes,
                                    size_t size);

/**
 * Overwrites the weights with what `fusebox_save_weights` wrote, or a program of Rust with `checkpoint::save((&net,), ..)`, and
 * resets the optimiser. FUSEBOX_STATUS_BUSY if a step is in progress. Other errors are those of `fusebox_restore`.
 */
fusebox_status fusebox_load_weights(struct fusebox *network,
                                    const uint8_t *bytes,
                                    size_t size);

/**
 * Checks `weights`, `size` bytes as `fusebox_save_weights` writes them, and keeps a pointer to them: they must stay there, and
 * start at a multiple of four. `bytes` is the size of the memory; `sizes` is `&FUSEBOX_SIZES`.
 */
fusebox_status fusebox_inference_init(struct fusebox_inference *memory,
                                      size_t bytes,
                                      const struct fusebox_sizes *sizes,
                                      const uint8_t *weights,
                                      size_t size);

/**
 * Overwrites `outputs`, `rows` times FUSEBOX_OUTPUTS numbers, with the network's outputs for `inputs`, `rows` times
 * FUSEBOX_INPUTS numbers. From 1 to FUSEBOX_BATCH rows. The same bits as those of `fusebox_infer`.
 */
fusebox_status fusebox_inference_run(struct fusebox_inference *inference,
                                     const float *inputs,
                                     float *outputs,
                                     size_t rows);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FUSEBOX_H */

#include "fusebox_sizes.h"
