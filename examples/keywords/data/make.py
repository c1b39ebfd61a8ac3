"""Makes the recordings (NAME.ulaw, NAME.txt), their features (NAME.features) and, for yes-no, scores (yes-no.scores) by TensorFlow Lite
Micro, and the features of sounds that no voice makes (sounds.features): see README.md.

    apt install espeak-ng && pip install numpy tflite-micro==0.dev20261023182759 && python make.py
"""

import io
import subprocess
import wave
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
NETWORK = HERE / "../../../import/tests/data/micro_speech_quantized.tflite"
RATE = 16_000
STEP = 320
FRAMES = 49
EVERY = 2
# Words, voices, pitch and words a minute.
YES_NO = [
    ("yes", "en-us", 50, 140),
    ("no", "en-us+f2", 50, 140),
    ("seven", "en-gb-scotland", 45, 150),
    ("no", "en-us+m3", 40, 150),
    ("yes", "en-us+f5", 60, 140),
    ("happy", "en+f4", 50, 150),
    ("yes", "en-us+m7", 55, 140),
]
# By voices that the network has not heard; "water" it has heard from none.
TEN_WORDS = [
    ("stop", "en-us+Andrea", 50, 140),
    ("go", "en-gb+Michael", 50, 140),
    ("left", "en-us+f1", 50, 140),
    ("right", "en-gb-scotland+Hugo", 50, 140),
    ("water", "en-us+robert", 50, 140),
    ("up", "en-gb-x-rp+adam", 50, 140),
    ("down", "en-us+m4", 50, 140),
    ("on", "en-gb+shelby", 50, 140),
    ("off", "en-us+victor", 50, 140),
    ("seven", "en-029+pablo", 50, 140),
    ("yes", "en-gb-x-gbcwmd+marcelo", 50, 140),
    ("no", "en-us+iven2", 50, 140),
]


def speak(word, voice, pitch, speed):
    """A word by espeak-ng, at 16 kHz, without the silence around it."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", word]
    sound = subprocess.run(command, capture_output=True, check=True).stdout
    assert wave.open(io.BytesIO(sound)).getframerate() == 22_050
    samples = np.frombuffer(sound[44:], np.int16).astype(float)
    size = len(samples) * 320 // 441
    spectrum = np.fft.rfft(samples)[: size // 2 + 1]
    samples = np.fft.irfft(spectrum, size) * size / len(samples)
    loud = np.flatnonzero(abs(samples) > 200)
    return samples[loud[0] : loud[-1]]


def mu_law(samples):
    """G.711, as bytes."""
    biased = np.minimum(abs(samples), 32_635) + 132
    exponent = np.log2(biased).astype(int) - 7
    return (~((samples < 0) << 7 | exponent << 4 | biased >> exponent + 3 & 15) & 255).astype(np.uint8)


def linear(codes):
    codes = ~codes.astype(int) & 255
    magnitude = (((codes & 15) << 3) + 132 << (codes >> 4 & 7)) - 132
    return np.where(codes & 128, -magnitude, magnitude).astype("<i2")


def record(words):
    """A word every 1.5 seconds, over noise and hum."""
    rng = np.random.default_rng(7)
    time = np.arange(int(RATE * (1.4 + 1.5 * len(words))) // STEP * STEP)
    samples = 40 * rng.normal(size=len(time)) + 60 * np.sin(2 * np.pi * 100 / RATE * time)
    for i, said in enumerate(words):
        word = speak(*said)
        start = int(RATE * (1 + 1.5 * i))
        samples[start : start + len(word)] += 0.6 * word
    return mu_law(np.round(samples).astype(int))


def sounds():
    """Half a second each: noise from 1 to full scale, then square waves and constants of full scale. tests/frontend.rs makes the same."""
    parts, state = [], 1
    for bits in range(16):
        noise = []
        for _ in range(RATE // 2):
            state = (state * 1_664_525 + 1_013_904_223) % 2**32
            noise.append((state >> 16) - 2**15 >> 15 - bits)
        parts.append(noise)
    for half in (1, 2, 3, 5, 8, 16, 40, 100):
        parts.append([-(2**15) if i // half % 2 == 0 else 2**15 - 1 for i in range(RATE // 2)])
    parts += [[-(2**15)] * (RATE // 2), [2**15 - 1] * (RATE // 2)]
    return np.concatenate(parts).astype("<i2")


def features(samples):
    command = [HERE / "microfrontend"]
    out = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(out, "<u2").reshape(-1, 40)


def scores(features):
    """The network's outputs, for each second that ends with an even number of frames."""
    from tflite_micro.python.tflite_micro import runtime

    # As TensorFlow Lite Micro's micro_speech: 256 / (25.6 26), rounded.
    frames = np.minimum((features.astype(int) * 256 + 333) // 666 - 128, 127).astype(np.int8)
    network = runtime.Interpreter.from_file(str(NETWORK), arena_size=100_000)
    outputs = []
    for end in range(FRAMES + FRAMES % EVERY, len(frames) + 1, EVERY):
        network.set_input(frames[end - FRAMES : end].reshape(1, -1), 0)
        network.invoke()
        outputs.append(network.get_output(0).astype(np.int8))
    return np.concatenate(outputs)


def main():
    for name, words in [("yes-no", YES_NO), ("ten-words", TEN_WORDS)]:
        sound = record(words)
        (HERE / f"{name}.ulaw").write_bytes(sound.tobytes())
        (HERE / f"{name}.txt").write_text("".join(f"{word}\n" for word, *_ in words))
        heard = features(linear(sound))
        (HERE / f"{name}.features").write_bytes(heard.tobytes())
        if words is YES_NO:
            (HERE / f"{name}.scores").write_bytes(scores(heard).tobytes())
    (HERE / "sounds.features").write_bytes(features(sounds()).tobytes())


if __name__ == "__main__":
    main()
