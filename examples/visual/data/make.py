"""Makes the pictures (NAME.bin) and outputs.bin: pictures of 96 x 96 grey pixels, as bytes, and what TensorFlow Lite for Microcontrollers
makes of them.

    pip install scikit-image==0.26.0 tflite-micro==0.dev20261023182759 && python make.py
"""

from pathlib import Path

import numpy as np
from skimage import color, io, transform
import skimage.data

HERE = Path(__file__).parent
SIDE = 96
# Of scikit-image's pictures, those that its wheel contains, whole or a square of them: row, column, side.
PICTURES = {
    "astronaut": ("astronaut.png", (0, 96, 256)),
    "photographer": ("camera.png", (0, 0, 512)),
    "rocket": ("rocket.jpg", (0, 106, 427)),
    "cat": ("chelsea.png", (0, 75, 300)),
    "coffee": ("coffee.png", (0, 100, 400)),
    "clock": ("clock_motion.png", (0, 50, 300)),
}


def picture(file, square):
    pixels = io.imread(Path(skimage.data.__file__).parent / file)
    if pixels.ndim == 3:
        pixels = 255 * color.rgb2gray(pixels[..., :3])
    row, column, side = square
    pixels = pixels[row : row + side, column : column + side].astype(float)
    small = transform.resize(pixels, (SIDE, SIDE), anti_aliasing=True)
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


def main():
    from tflite_micro.python.tflite_micro import runtime

    network = runtime.Interpreter.from_file(str(HERE / "person_detect.tflite"), arena_size=400_000)
    outputs = []
    for name, (file, square) in PICTURES.items():
        pixels = picture(file, square)
        (HERE / f"{name}.bin").write_bytes(pixels.tobytes())
        network.set_input((pixels.astype(int) - 128).astype(np.int8).reshape(1, SIDE, SIDE, 1), 0)
        network.invoke()
        outputs.append(network.get_output(0).astype(np.int8))
        print(name, outputs[-1])
    (HERE / "outputs.bin").write_bytes(np.concatenate(outputs).tobytes())


if __name__ == "__main__":
    main()
