/* Learns handwritten digits on the desktop and on a microcontroller, with the same bits: `cargo xtask c --test` compares.
 *
 * The data: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998, CC BY 4.0; more in
 * examples/data/README.md. */

#include "fusebox.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EPOCHS = 5, ROWS = 1797, PIXELS = 64 };

/* A row is 64 pixels of 0..=16 and the label. See digits.S. */
extern const uint8_t digits[ROWS][PIXELS + 1];

/* All memory that training needs. The library allocates none. */
static fusebox network;
static float inputs[FUSEBOX_BATCH][FUSEBOX_INPUTS];
static fusebox_target labels[FUSEBOX_BATCH];

/* Prints why a call failed, if it did. */
static int failed(fusebox_status status) {
    if (status < 0) {
        printf("error: %s\n", fusebox_text(status));
    }
    return status < 0;
}

/* Overwrites a row of the batch with an image. */
static void stage(size_t at, const uint8_t *image) {
    for (size_t i = 0; i < PIXELS; i++) {
        inputs[at][i] = (float)image[i] / 16.0f;
    }
    labels[at] = image[PIXELS];
}

/* Every fifth row is held out; the others follow one another in steps of 1009, which has no divisor in common with 1797. */
static uint32_t row_number(uint32_t i) {
    return i * 1009 % ROWS;
}

static int held_out(uint32_t row) {
    return row % 5 == 4;
}

/* Stages the next batch of rows to learn from, `*i` on; returns how many there are. */
static size_t next_batch(uint32_t *i) {
    size_t rows = 0;
    for (; *i < ROWS && rows < FUSEBOX_BATCH; ++*i) {
        if (!held_out(row_number(*i))) {
            stage(rows++, digits[row_number(*i)]);
        }
    }
    return rows;
}

/* Trains once on each row; the last batch's loss is the epoch's. */
static int train_epoch(float rate, float *loss) {
    size_t rows;
    for (uint32_t i = 0; (rows = next_batch(&i)) > 0;) {
        if (failed(fusebox_train_step(&network, inputs[0], labels, rows, rate, loss))) {
            return 1;
        }
    }
    return 0;
}

/* How many of the rows held out are read as they are labelled. */
static int count_right(unsigned *right, unsigned *all) {
    for (uint32_t row = 0; row < ROWS; row++) {
        float scores[FUSEBOX_OUTPUTS];
        if (!held_out(row)) {
            continue;
        }
        stage(0, digits[row]);
        if (failed(fusebox_infer(&network, inputs[0], scores, 1))) {
            return 1;
        }
        size_t best = 0;
        for (size_t i = 1; i < FUSEBOX_OUTPUTS; i++) {
            best = scores[i] > scores[best] ? i : best;
        }
        *right += best == labels[0];
        ++*all;
    }
    return 0;
}

static uint32_t bits_of(float number) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* The weights as they are saved, and FNV-1a of the numbers in them. */
static _Alignas(4) uint8_t weights[FUSEBOX_WEIGHTS_BYTES];

static int hash_weights(const fusebox *of, uint32_t *hash) {
    if (failed(fusebox_save_weights(of, weights, sizeof weights))) {
        return 1;
    }
    *hash = 0x811c9dc5;
    for (size_t i = 0; i < FUSEBOX_PARAMETERS * sizeof(float); i++) {
        *hash = (*hash ^ weights[FUSEBOX_WEIGHTS_OFFSET + i]) * 0x01000193;
    }
    return 0;
}

/* A step in slices has the bits of a whole one, also after a restart. */
static int continue_after_restart(void) {
    static fusebox restarted;
    static uint8_t saved[FUSEBOX_SAVE_BYTES];
    uint32_t i = 0, whole, sliced;
    float loss, sliced_loss;
    if (failed(fusebox_save(&network, saved, sizeof saved)) ||
        failed(fusebox_init(&restarted, sizeof restarted, &FUSEBOX_SIZES)) ||
        failed(fusebox_restore(&restarted, saved, sizeof saved))) {
        return 1;
    }
    size_t rows = next_batch(&i);
    if (failed(fusebox_train_step(&network, inputs[0], labels, rows, 0.1f, &loss)) ||
        hash_weights(&network, &whole)) {
        return 1;
    }
    for (size_t row = 0; row < rows; row++) {
        if (failed(fusebox_push(&restarted, inputs[row], &labels[row]))) {
            return 1;
        }
    }
    if (failed(fusebox_start(&restarted, 0.1f))) {
        return 1;
    }
    unsigned slices = 1;
    fusebox_status status;
    while ((status = fusebox_poll(&restarted, 2500, &sliced_loss)) == FUSEBOX_STATUS_PENDING) {
        slices++; /* here a control loop does what cannot wait */
    }
    if (failed(status) || hash_weights(&restarted, &sliced)) {
        return 1;
    }
    int same = whole == sliced && bits_of(loss) == bits_of(sliced_loss);
    printf("a step in %u slices after a restart: %s bits\n", slices, same ? "the same" : "OTHER");
    return !same;
}

/* Weights that stay where they are, in flash for example, give the same outputs. */
static int infer_from_flash(void) {
    static fusebox_inference inference;
    static float outputs[2][FUSEBOX_BATCH][FUSEBOX_OUTPUTS];
    uint32_t i = 0, hash;
    size_t rows = next_batch(&i);
    if (hash_weights(&network, &hash) ||
        failed(fusebox_inference_init(&inference, sizeof inference, &FUSEBOX_SIZES, weights, sizeof weights)) ||
        failed(fusebox_infer(&network, inputs[0], outputs[0][0], rows)) ||
        failed(fusebox_inference_run(&inference, inputs[0], outputs[1][0], rows))) {
        return 1;
    }
    int same = memcmp(outputs[0], outputs[1], sizeof outputs[0]) == 0;
    printf("inference from saved weights: %s bits\n", same ? "the same" : "OTHER");
    return !same;
}

int main(void) {
    unsigned right = 0, all = 0;
    uint32_t hash;
    if (failed(fusebox_init(&network, sizeof network, &FUSEBOX_SIZES))) {
        return 1;
    }
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        float loss = 0.0f, rate = 0.5f * (float)(EPOCHS - epoch) / (float)EPOCHS;
        if (train_epoch(rate, &loss)) {
            return 1;
        }
        printf("epoch %d: loss of the last batch %08" PRIx32 "\n", epoch + 1, bits_of(loss));
    }
    if (count_right(&right, &all) || hash_weights(&network, &hash)) {
        return 1;
    }
    printf("%u of %u held-out digits read\n", right, all);
    printf("FNV-1a of all weights %08" PRIx32 "\n", hash);
    return continue_after_restart() || infer_from_flash() || right < all * 9 / 10;
}
