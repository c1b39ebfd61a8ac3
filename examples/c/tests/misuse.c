/* Every call, given what is wrong: each returns the error that is meant, and changes nothing. Buffers end where memory
 * ends, so that a read or a write past one, also by the library, is a fault. Arguments: a training and the weights of
 * another network. */

#define _DEFAULT_SOURCE
#include "fusebox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static fusebox *network;
static fusebox_inference *inference;
static float *inputs, *outputs, *loss;
static fusebox_target *labels;
static uint8_t *saved, *weights;
static unsigned checks;

static void fail(int line, const char *what, const char *got) {
    printf("line %d: %s: %s\n", line, what, got);
    exit(1);
}

/* Memory whose end is followed by a page that nobody may touch. */
static void *guarded(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page;
    uint8_t *start =
        mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + pages * page, page, PROT_NONE) != 0) {
        fail(__LINE__, "no memory", "");
    }
    return start + pages * page - bytes;
}

static void expect(fusebox_status expected, fusebox_status got, int line, const char *call) {
    checks++;
    if (expected != got) {
        fail(line, call, fusebox_text(got));
    }
}
#define OK(call) expect(FUSEBOX_STATUS_OK, call, __LINE__, #call)

/* All that a call is given, as it was before the call. */
static struct {
    fusebox network;
    fusebox_inference inference;
    float inputs[FUSEBOX_BATCH * FUSEBOX_INPUTS], outputs[FUSEBOX_BATCH * FUSEBOX_OUTPUTS], loss;
    fusebox_target labels[FUSEBOX_BATCH];
    uint8_t saved[FUSEBOX_SAVE_BYTES], weights[FUSEBOX_WEIGHTS_BYTES];
} before;

static void keep(void) {
    memcpy(&before.network, network, sizeof before.network);
    memcpy(&before.inference, inference, sizeof before.inference);
    memcpy(before.inputs, inputs, sizeof before.inputs);
    memcpy(before.outputs, outputs, sizeof before.outputs);
    memcpy(&before.loss, loss, sizeof before.loss);
    memcpy(before.labels, labels, sizeof before.labels);
    memcpy(before.saved, saved, sizeof before.saved);
    memcpy(before.weights, weights, sizeof before.weights);
}

static int kept(void) {
    return memcmp(&before.network, network, sizeof before.network) == 0 &&
           memcmp(&before.inference, inference, sizeof before.inference) == 0 &&
           memcmp(before.inputs, inputs, sizeof before.inputs) == 0 &&
           memcmp(before.outputs, outputs, sizeof before.outputs) == 0 &&
           memcmp(&before.loss, loss, sizeof before.loss) == 0 &&
           memcmp(before.labels, labels, sizeof before.labels) == 0 &&
           memcmp(before.saved, saved, sizeof before.saved) == 0 &&
           memcmp(before.weights, weights, sizeof before.weights) == 0;
}

/* The call returns the error, and leaves all that it is given as it is, to the byte. */
#define REFUSED(error, call)                                                                       \
    do {                                                                                           \
        keep();                                                                                    \
        expect(FUSEBOX_STATUS_##error, call, __LINE__, #call);                                     \
        if (!kept()) {                                                                             \
            fail(__LINE__, #call, "something was changed");                                        \
        }                                                                                          \
    } while (0)

/* The same pointer, a byte on. */
static void *odd(void *pointer) {
    return (uint8_t *)pointer + 1;
}

static uint32_t random_number(void) {
    static uint32_t state = 1;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void texts(void) {
    for (int32_t status = -17; status <= 1; status++) {
        if (strcmp(fusebox_text(status), "not a status of fusebox") == 0) {
            fail(__LINE__, "no text", "");
        }
    }
    const int32_t others[] = {-18, 2, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(fusebox_text(others[i]), "not a status of fusebox") != 0) {
            fail(__LINE__, fusebox_text(others[i]), "is no status");
        }
    }
}

static void not_initialized(void) {
    const int fills[] = {0, 0xff, 0x55};
    for (size_t i = 0; i < 3; i++) {
        memset(network, fills[i], sizeof *network);
        memset(inference, fills[i], sizeof *inference);
        REFUSED(UNINITIALIZED, fusebox_infer(network, inputs, outputs, 1));
        REFUSED(UNINITIALIZED, fusebox_train_step(network, inputs, labels, 1, 0.1f, loss));
        REFUSED(UNINITIALIZED, fusebox_push(network, inputs, labels));
        REFUSED(UNINITIALIZED, fusebox_start(network, 0.1f));
        REFUSED(UNINITIALIZED, fusebox_poll(network, 1, loss));
        REFUSED(UNINITIALIZED, fusebox_cancel(network));
        REFUSED(UNINITIALIZED, fusebox_save(network, saved, FUSEBOX_SAVE_BYTES));
        REFUSED(UNINITIALIZED, fusebox_restore(network, saved, FUSEBOX_SAVE_BYTES));
        REFUSED(UNINITIALIZED, fusebox_save_weights(network, weights, FUSEBOX_WEIGHTS_BYTES));
        REFUSED(UNINITIALIZED, fusebox_load_weights(network, weights, FUSEBOX_WEIGHTS_BYTES));
        REFUSED(UNINITIALIZED, fusebox_inference_run(inference, inputs, outputs, 1));
    }
}

static void initialization(void) {
    REFUSED(NULL, fusebox_init(NULL, sizeof *network, &FUSEBOX_SIZES));
    REFUSED(NULL, fusebox_init(network, sizeof *network, NULL));
    REFUSED(MISALIGNED, fusebox_init(odd(network), sizeof *network, &FUSEBOX_SIZES));
    REFUSED(MEMORY, fusebox_init(network, sizeof *network - 1, &FUSEBOX_SIZES));
    REFUSED(MEMORY, fusebox_init(network, 0, &FUSEBOX_SIZES));
    fusebox_sizes sizes = FUSEBOX_SIZES;
    REFUSED(MISALIGNED, fusebox_init(network, sizeof *network, odd(&sizes)));
    for (size_t i = 0; i < sizeof sizes / sizeof(uint32_t); i++) {
        uint32_t numbers[sizeof sizes / sizeof(uint32_t)];
        memcpy(numbers, &FUSEBOX_SIZES, sizeof sizes);
        numbers[i]++;
        memcpy(&sizes, numbers, sizeof sizes);
        REFUSED(SIZES, fusebox_init(network, sizeof *network, &sizes));
    }
    /* Sizes inside the memory to be overwritten. */
    memcpy(network, &FUSEBOX_SIZES, sizeof sizes);
    REFUSED(OVERLAP, fusebox_init(network, sizeof *network, (const fusebox_sizes *)(const void *)network));
    OK(fusebox_init(network, sizeof *network, &FUSEBOX_SIZES));
}

static void pointers(void) {
    REFUSED(NULL, fusebox_infer(NULL, inputs, outputs, 1));
    REFUSED(NULL, fusebox_infer(network, NULL, outputs, 1));
    REFUSED(NULL, fusebox_infer(network, inputs, NULL, 1));
    REFUSED(NULL, fusebox_train_step(NULL, inputs, labels, 1, 0.1f, loss));
    REFUSED(NULL, fusebox_train_step(network, NULL, labels, 1, 0.1f, loss));
    REFUSED(NULL, fusebox_train_step(network, inputs, NULL, 1, 0.1f, loss));
    REFUSED(NULL, fusebox_train_step(network, inputs, labels, 1, 0.1f, NULL));
    REFUSED(NULL, fusebox_push(NULL, inputs, labels));
    REFUSED(NULL, fusebox_push(network, NULL, labels));
    REFUSED(NULL, fusebox_push(network, inputs, NULL));
    REFUSED(NULL, fusebox_start(NULL, 0.1f));
    REFUSED(NULL, fusebox_poll(NULL, 1, loss));
    REFUSED(NULL, fusebox_poll(network, 1, NULL));
    REFUSED(NULL, fusebox_cancel(NULL));
    REFUSED(NULL, fusebox_save(NULL, saved, FUSEBOX_SAVE_BYTES));
    REFUSED(NULL, fusebox_save(network, NULL, FUSEBOX_SAVE_BYTES));
    REFUSED(NULL, fusebox_restore(NULL, saved, FUSEBOX_SAVE_BYTES));
    REFUSED(NULL, fusebox_restore(network, NULL, FUSEBOX_SAVE_BYTES));
    REFUSED(NULL, fusebox_save_weights(NULL, weights, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, fusebox_save_weights(network, NULL, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, fusebox_load_weights(NULL, weights, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, fusebox_load_weights(network, NULL, FUSEBOX_WEIGHTS_BYTES));

    REFUSED(MISALIGNED, fusebox_infer(odd(network), inputs, outputs, 1));
    REFUSED(MISALIGNED, fusebox_infer(network, odd(inputs), outputs, 1));
    REFUSED(MISALIGNED, fusebox_infer(network, inputs, odd(outputs), 1));
    REFUSED(MISALIGNED, fusebox_train_step(network, odd(inputs), labels, 1, 0.1f, loss));
    REFUSED(MISALIGNED, fusebox_train_step(network, inputs, labels, 1, 0.1f, odd(loss)));
    REFUSED(MISALIGNED, fusebox_push(network, odd(inputs), labels));
    REFUSED(MISALIGNED, fusebox_poll(network, 1, odd(loss)));

    float *inside = (float *)(void *)network;
    REFUSED(OVERLAP, fusebox_infer(network, inputs, inputs + FUSEBOX_INPUTS - 1, 1));
    REFUSED(OVERLAP, fusebox_infer(network, inside + 8, outputs, 1));
    REFUSED(OVERLAP, fusebox_infer(network, inputs, inside + 8, 1));
    REFUSED(OVERLAP, fusebox_train_step(network, inputs, labels, 1, 0.1f, inputs + 3));
    REFUSED(OVERLAP, fusebox_train_step(network, inside + 8, labels, 1, 0.1f, loss));
    REFUSED(OVERLAP, fusebox_train_step(network, inputs, labels, 1, 0.1f, inside + 8));
    REFUSED(OVERLAP, fusebox_push(network, inside + 8, labels));
    REFUSED(OVERLAP, fusebox_poll(network, 1, inside + 8));
    REFUSED(OVERLAP, fusebox_save(network, (uint8_t *)inside, FUSEBOX_SAVE_BYTES));
    REFUSED(OVERLAP, fusebox_restore(network, (uint8_t *)inside, FUSEBOX_SAVE_BYTES));
    REFUSED(OVERLAP, fusebox_save_weights(network, (uint8_t *)inside, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(OVERLAP, fusebox_load_weights(network, (uint8_t *)inside, FUSEBOX_WEIGHTS_BYTES));
}

/* The same training as before: a refused step may have used the memory for rows. */
static void expect_same_training(const uint8_t *earlier, int line) {
    OK(fusebox_save(network, saved, FUSEBOX_SAVE_BYTES));
    if (memcmp(saved, earlier, FUSEBOX_SAVE_BYTES) != 0) {
        fail(line, "the training", "was changed");
    }
}

static void numbers(void) {
    const size_t counts[] = {0, FUSEBOX_BATCH + 1, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < 4; i++) {
        REFUSED(ROWS, fusebox_infer(network, inputs, outputs, counts[i]));
        REFUSED(ROWS, fusebox_train_step(network, inputs, labels, counts[i], 0.1f, loss));
    }
    uint8_t *earlier = guarded(FUSEBOX_SAVE_BYTES);
    OK(fusebox_save(network, earlier, FUSEBOX_SAVE_BYTES));
    /* The last label is not a class. */
    labels[FUSEBOX_BATCH - 1] = FUSEBOX_OUTPUTS;
    expect(FUSEBOX_STATUS_TARGET, fusebox_train_step(network, inputs, labels, FUSEBOX_BATCH, 0.1f, loss),
           __LINE__, "a label");
    expect_same_training(earlier, __LINE__);
    REFUSED(TARGET, fusebox_push(network, inputs, &labels[FUSEBOX_BATCH - 1]));
    labels[FUSEBOX_BATCH - 1] = 0;
    const float rates[] = {-0.1f, 0.0f / 0.0f, 1.0f / 0.0f};
    for (size_t i = 0; i < 3; i++) {
        expect(FUSEBOX_STATUS_LEARNING_RATE,
               fusebox_train_step(network, inputs, labels, FUSEBOX_BATCH, rates[i], loss), __LINE__, "a rate");
        expect_same_training(earlier, __LINE__);
    }
    /* The next call is as if there had been none of these. */
    OK(fusebox_train_step(network, inputs, labels, FUSEBOX_BATCH, 0.1f, loss));
    OK(fusebox_infer(network, inputs, outputs, FUSEBOX_BATCH));
}

static void order_of_calls(void) {
    REFUSED(IDLE, fusebox_poll(network, 1, loss));
    REFUSED(ROWS, fusebox_start(network, 0.1f));
    for (size_t row = 0; row < FUSEBOX_BATCH; row++) {
        OK(fusebox_push(network, inputs, labels));
    }
    REFUSED(ROWS, fusebox_push(network, inputs, labels));
    REFUSED(BUSY, fusebox_train_step(network, inputs, labels, 1, 0.1f, loss));
    REFUSED(LEARNING_RATE, fusebox_start(network, -1.0f));
    OK(fusebox_start(network, 0.1f));
    expect(FUSEBOX_STATUS_PENDING, fusebox_poll(network, 1, loss), __LINE__, "a slice");
    REFUSED(BUSY, fusebox_start(network, 0.1f));
    REFUSED(BUSY, fusebox_push(network, inputs, labels));
    REFUSED(BUSY, fusebox_train_step(network, inputs, labels, 1, 0.1f, loss));
    REFUSED(BUSY, fusebox_save(network, saved, FUSEBOX_SAVE_BYTES));
    REFUSED(BUSY, fusebox_load_weights(network, weights, FUSEBOX_WEIGHTS_BYTES));
    OK(fusebox_infer(network, inputs, outputs, 1));
    OK(fusebox_cancel(network));
    OK(fusebox_cancel(network));
    OK(fusebox_save(network, saved, FUSEBOX_SAVE_BYTES));
    OK(fusebox_save_weights(network, weights, FUSEBOX_WEIGHTS_BYTES));
}

/* CRC-32 of IEEE 802.3, to forge saved bytes. */
static uint32_t crc32(const uint8_t *bytes, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xEDB88320 & (0u - (crc & 1)));
        }
    }
    return ~crc;
}

/* Reads saved bytes: one of three. */
typedef fusebox_status reader(fusebox *, const uint8_t *, size_t);

/* Uses what was read. */
typedef void user(void);

static void train_and_infer(void) {
    OK(fusebox_train_step(network, inputs, labels, FUSEBOX_BATCH, 0.1f, loss));
    OK(fusebox_infer(network, inputs, outputs, FUSEBOX_BATCH));
}

static void run_inference(void) {
    OK(fusebox_inference_run(inference, inputs, outputs, FUSEBOX_BATCH));
}

static fusebox_status into_inference(fusebox *unused, const uint8_t *bytes, size_t size) {
    (void)unused;
    return fusebox_inference_init(inference, sizeof *inference, &FUSEBOX_SIZES, bytes, size);
}

/* Every byte changed, every length up to the header's and many others, too many bytes, and contents that are forged. */
static void damaged(reader *read, user *use, const uint8_t *good, size_t size) {
    enum { HEADER = 20, CHECKSUM = 4 };
    uint8_t *bytes = guarded(size);
    memcpy(bytes, good, size);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (uint8_t)(1u << at % 8);
        if (at < 8) {
            REFUSED(NOT_SAVED, read(network, bytes, size));
        } else if (at < 12) {
            REFUSED(VERSION, read(network, bytes, size));
        } else if (at < HEADER) {
            REFUSED(NETWORK, read(network, bytes, size));
        } else {
            REFUSED(DAMAGED, read(network, bytes, size));
        }
        bytes[at] = good[at];
    }
    for (size_t length = 0; length < size; length += length < 2 * HEADER ? 1 : 37) {
        /* They end where memory does, but for three bytes at most: they start at a multiple of four. */
        uint8_t *cut = bytes + (size - length) / 4 * 4;
        memcpy(cut, good, length);
        REFUSED(LENGTH, read(network, cut, length));
    }
    uint8_t *longer = guarded((size + 4) / 4 * 4);
    memcpy(longer, good, size);
    REFUSED(LENGTH, read(network, longer, size + 1));
    REFUSED(LENGTH, read(network, longer, SIZE_MAX / 2));
    REFUSED(LENGTH, read(network, longer, SIZE_MAX));
    for (int i = 0; i < 100; i++) {
        for (size_t at = 0; at < size; at++) {
            bytes[at] = (uint8_t)random_number();
        }
        REFUSED(NOT_SAVED, read(network, bytes, size));
    }
    /* Random contents with the right header and checksum: not damage that could be seen, but numbers like others. */
    for (int i = 0; i < 100; i++) {
        memcpy(bytes, good, HEADER);
        for (size_t at = HEADER; at < size; at++) {
            bytes[at] = (uint8_t)random_number();
        }
        uint32_t sum = crc32(bytes, size - CHECKSUM);
        for (size_t at = 0; at < CHECKSUM; at++) {
            bytes[size - CHECKSUM + at] = (uint8_t)(sum >> 8 * at);
        }
        OK(read(network, bytes, size));
        use();
    }
    memcpy(bytes, good, size);
    OK(read(network, bytes, size));
}

static void lengths(void) {
    REFUSED(LENGTH, fusebox_save(network, saved, FUSEBOX_SAVE_BYTES - 1));
    REFUSED(LENGTH, fusebox_save(network, saved, 0));
    REFUSED(LENGTH, fusebox_save_weights(network, weights, FUSEBOX_WEIGHTS_BYTES - 1));
    /* More room than is needed is room. */
    OK(fusebox_save(network, saved, SIZE_MAX));
    OK(fusebox_save_weights(network, weights, SIZE_MAX));
}

/* Bytes of a file, which start at a multiple of four. */
static const uint8_t *read_file(const char *path, size_t *size) {
    static uint8_t contents[2][1 << 16];
    static size_t files;
    uint8_t *bytes = contents[files++ % 2];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(__LINE__, path, "cannot be read");
    }
    *size = fread(bytes, 1, sizeof contents[0], file);
    fclose(file);
    return bytes;
}

static void other_networks(const char *training_path, const char *weights_path) {
    size_t training_size, weights_size;
    const uint8_t *training = read_file(training_path, &training_size);
    const uint8_t *line = read_file(weights_path, &weights_size);
    REFUSED(NETWORK, fusebox_restore(network, training, training_size));
    REFUSED(NETWORK, fusebox_restore(network, line, weights_size));
    REFUSED(NETWORK, fusebox_load_weights(network, line, weights_size));
    REFUSED(NETWORK, fusebox_load_weights(network, training, training_size));
    REFUSED(NETWORK, into_inference(network, line, weights_size));
    /* A training is not weights alone, nor the other way round. */
    REFUSED(NETWORK, fusebox_restore(network, weights, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NETWORK, fusebox_load_weights(network, saved, FUSEBOX_SAVE_BYTES));
    REFUSED(NETWORK, into_inference(network, saved, FUSEBOX_SAVE_BYTES));
}

static void inference_only(void) {
    uint8_t *good = guarded(FUSEBOX_WEIGHTS_BYTES);
    OK(fusebox_save_weights(network, good, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, fusebox_inference_init(NULL, sizeof *inference, &FUSEBOX_SIZES, good, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, fusebox_inference_init(inference, sizeof *inference, NULL, good, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(NULL, into_inference(network, NULL, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(MISALIGNED, fusebox_inference_init(odd(inference), sizeof *inference, &FUSEBOX_SIZES, good,
                                               FUSEBOX_WEIGHTS_BYTES));
    REFUSED(MEMORY, fusebox_inference_init(inference, sizeof *inference - 1, &FUSEBOX_SIZES, good,
                                           FUSEBOX_WEIGHTS_BYTES));
    fusebox_sizes sizes = FUSEBOX_SIZES;
    sizes.network++;
    REFUSED(SIZES, fusebox_inference_init(inference, sizeof *inference, &sizes, good, FUSEBOX_WEIGHTS_BYTES));
    REFUSED(OVERLAP, into_inference(network, (uint8_t *)inference, FUSEBOX_WEIGHTS_BYTES));
    uint8_t *room = guarded(FUSEBOX_WEIGHTS_BYTES + 4);
    memcpy(odd(room), good, FUSEBOX_WEIGHTS_BYTES);
    REFUSED(MISALIGNED, into_inference(network, odd(room), FUSEBOX_WEIGHTS_BYTES));

    damaged(into_inference, run_inference, good, FUSEBOX_WEIGHTS_BYTES);
    OK(into_inference(network, good, FUSEBOX_WEIGHTS_BYTES));
    const size_t counts[] = {0, FUSEBOX_BATCH + 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(ROWS, fusebox_inference_run(inference, inputs, outputs, counts[i]));
    }
    float *inside = (float *)(void *)inference, *of_weights = (float *)(void *)(good + FUSEBOX_WEIGHTS_OFFSET);
    REFUSED(NULL, fusebox_inference_run(NULL, inputs, outputs, 1));
    REFUSED(NULL, fusebox_inference_run(inference, NULL, outputs, 1));
    REFUSED(NULL, fusebox_inference_run(inference, inputs, NULL, 1));
    REFUSED(MISALIGNED, fusebox_inference_run(odd(inference), inputs, outputs, 1));
    REFUSED(MISALIGNED, fusebox_inference_run(inference, odd(inputs), outputs, 1));
    REFUSED(MISALIGNED, fusebox_inference_run(inference, inputs, odd(outputs), 1));
    REFUSED(OVERLAP, fusebox_inference_run(inference, inputs, inputs, 1));
    REFUSED(OVERLAP, fusebox_inference_run(inference, inputs, inside + 8, 1));
    REFUSED(OVERLAP, fusebox_inference_run(inference, inside + 8, outputs, 1));
    REFUSED(OVERLAP, fusebox_inference_run(inference, inputs, of_weights + 100, 1));
    run_inference();
}

int main(int count, char **arguments) {
    if (count != 3) {
        return 1;
    }
    network = guarded(sizeof *network);
    inference = guarded(sizeof *inference);
    inputs = guarded(FUSEBOX_BATCH * FUSEBOX_INPUTS * sizeof(float));
    outputs = guarded(FUSEBOX_BATCH * FUSEBOX_OUTPUTS * sizeof(float));
    labels = guarded(FUSEBOX_BATCH * sizeof(fusebox_target));
    loss = guarded(sizeof(float));
    saved = guarded(FUSEBOX_SAVE_BYTES);
    weights = guarded(FUSEBOX_WEIGHTS_BYTES);
    texts();
    not_initialized();
    initialization();
    pointers();
    numbers();
    order_of_calls();
    lengths();
    other_networks(arguments[1], arguments[2]);
    damaged(fusebox_restore, train_and_infer, saved, FUSEBOX_SAVE_BYTES);
    damaged(fusebox_load_weights, train_and_infer, weights, FUSEBOX_WEIGHTS_BYTES);
    inference_only();
    printf("%u calls gave the result that was meant\n", checks);
}
