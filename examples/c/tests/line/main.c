/* Learns y = 2 x + 1, and writes the training and the weights to files: those of another network than the digits'. */

#include "fusebox.h"

#include <stdio.h>

static int write_file(const char *path, const uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return 1;
    }
    size_t written = fwrite(bytes, 1, size, file);
    return fclose(file) != 0 || written != size;
}

int main(int count, char **arguments) {
    static fusebox line;
    static uint8_t bytes[FUSEBOX_SAVE_BYTES], weights[FUSEBOX_WEIGHTS_BYTES];
    const float inputs[4] = {0.0f, 1.0f, 2.0f, 3.0f};
    const fusebox_target targets[4] = {{1.0f}, {3.0f}, {5.0f}, {7.0f}};
    float loss = 1.0f, output;
    if (count != 3 || fusebox_init(&line, sizeof line, &FUSEBOX_SIZES) != FUSEBOX_STATUS_OK) {
        return 1;
    }
    for (int step = 0; step < 300; step++) {
        if (fusebox_train_step(&line, inputs, targets, 4, 0.02f, &loss) != FUSEBOX_STATUS_OK) {
            return 1;
        }
    }
    /* Which setting is out of range: the rate, or with this rate the momentum. See network.rs. */
    if (fusebox_train_step(&line, inputs, targets, 4, -1.0f, &loss) != FUSEBOX_STATUS_LEARNING_RATE ||
        fusebox_train_step(&line, inputs, targets, 4, 100.0f, &loss) != FUSEBOX_STATUS_REFUSED) {
        printf("another setting is refused than the one that is out of range\n");
        return 1;
    }
    const float ten = 10.0f;
    if (fusebox_infer(&line, &ten, &output, 1) != FUSEBOX_STATUS_OK || !(loss < 1e-6f) ||
        !(output > 20.99f && output < 21.01f)) {
        printf("loss %g, and for ten %g\n", (double)loss, (double)output);
        return 1;
    }
    return fusebox_save(&line, bytes, sizeof bytes) != FUSEBOX_STATUS_OK ||
           fusebox_save_weights(&line, weights, sizeof weights) != FUSEBOX_STATUS_OK ||
           write_file(arguments[1], bytes, sizeof bytes) || write_file(arguments[2], weights, sizeof weights);
}
