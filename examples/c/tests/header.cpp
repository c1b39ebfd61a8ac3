// The header in C++: a step and an inference.

#include "fusebox.h"

#include <cstdio>
#include <initializer_list>
#include <memory>

int main() {
    static fusebox network;
    const auto own = std::make_unique<fusebox>();
    float inputs[FUSEBOX_BATCH][FUSEBOX_INPUTS] = {}, outputs[FUSEBOX_OUTPUTS], loss = 0;
    const fusebox_target labels[FUSEBOX_BATCH] = {};
    for (fusebox *memory : {&network, own.get()}) {
        fusebox_status status = fusebox_init(memory, sizeof *memory, &FUSEBOX_SIZES);
        if (status == FUSEBOX_STATUS_OK) {
            status = fusebox_train_step(memory, inputs[0], labels, FUSEBOX_BATCH, 0.1f, &loss);
        }
        if (status == FUSEBOX_STATUS_OK) {
            status = fusebox_infer(memory, inputs[0], outputs, 1);
        }
        // Zeros in, biases out: all outputs equal before the step, the first one larger after it.
        if (status != FUSEBOX_STATUS_OK || !(loss > 2.3f && loss < 2.31f) || !(outputs[0] > outputs[1])) {
            std::printf("%s, loss %g\n", fusebox_text(status), static_cast<double>(loss));
            return 1;
        }
    }
}
