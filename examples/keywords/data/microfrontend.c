/* Features of TensorFlow Lite Micro's own microfrontend, for make.py: 16-bit samples from standard input, 16-bit features to standard output,
   configured as its example micro_speech is. README.md says how to build it. */
#include <stdio.h>

#include "tensorflow/lite/experimental/microfrontend/lib/frontend.h"
#include "tensorflow/lite/experimental/microfrontend/lib/frontend_util.h"

static int16_t samples[1 << 22];

int main(void) {
  struct FrontendConfig config;
  struct FrontendState state;
  FrontendFillConfigWithDefaults(&config);
  config.window.size_ms = 30;
  config.window.step_size_ms = 20;
  config.filterbank.num_channels = 40;
  config.pcan_gain_control.enable_pcan = 1;
  if (!FrontendPopulateState(&config, &state, 16000)) return 1;

  size_t left = fread(samples, sizeof(*samples), sizeof(samples) / sizeof(*samples), stdin);
  for (const int16_t* next = samples; left > 0;) {
    size_t read;
    struct FrontendOutput output = FrontendProcessSamples(&state, next, left, &read);
    fwrite(output.values, sizeof(*output.values), output.size, stdout);
    next += read;
    left -= read;
  }
  return 0;
}
