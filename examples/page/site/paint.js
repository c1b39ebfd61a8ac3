// Pictures of numbers.

const ORANGE = [245, 147, 34];
const BLUE = [8, 119, 189];
const PAPER = () => (matchMedia("(prefers-color-scheme: dark)").matches ? [20, 24, 29] : [255, 255, 255]);

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
export const ORANGE_CSS = css(ORANGE);
export const BLUE_CSS = css(BLUE);
export const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink");
export const quiet = () => getComputedStyle(document.documentElement).getPropertyValue("--line");

// A square picture of numbers of -1..1: orange, paper, blue.
export function square(numbers, size) {
  const image = new ImageData(size, size);
  const paper = PAPER();
  for (let place = 0; place < size * size; place += 1) {
    const value = Math.max(-1, Math.min(1, numbers[place] || 0));
    const colour = value > 0 ? BLUE : ORANGE;
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * place + channel] = paper[channel] + Math.abs(value) * 0.85 * (colour[channel] - paper[channel]);
    }
    image.data[4 * place + 3] = 255;
  }
  const canvas = new OffscreenCanvas(size, size);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Curves of losses, all on one logarithmic scale.
export function curves(canvas, series) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  const all = series.flatMap(({ losses }) => losses).filter((loss) => loss > 0 && Number.isFinite(loss));
  if (all.length === 0) return;
  const [low, high] = [Math.log(Math.min(...all)), Math.log(Math.max(...all))];
  const y = (loss) => 6 + (height - 12) * (1 - (Math.log(Math.max(loss, 1e-12)) - low) / (high - low || 1));
  for (const { losses, colour } of series) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.beginPath();
    losses.forEach((loss, at) => pen.lineTo((at / Math.max(1, losses.length - 1)) * width, y(loss)));
    pen.stroke();
  }
}

// A place on a canvas in its own pixels, whatever its size on the screen.
export function place(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [
    ((event.clientX - box.left) / box.width) * canvas.width,
    ((event.clientY - box.top) / box.height) * canvas.height,
  ];
}
