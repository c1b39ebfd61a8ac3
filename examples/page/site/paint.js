// Pictures of numbers.

// Each with a contrast of at least 3 to the paper, be that white or dark.
const ORANGE = [217, 113, 0];
const BLUE = [8, 119, 189];
const PAPER = () => (matchMedia("(prefers-color-scheme: dark)").matches ? [20, 24, 29] : [255, 255, 255]);

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
export const ORANGE_CSS = css(ORANGE);
export const BLUE_CSS = css(BLUE);
// Around points, on orange and on blue.
export const OUTLINE = "#10151b";
// Of lines that are negative, and of the curve of points held out.
export const DASH = [5, 3];
export const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink");
export const edge = () => getComputedStyle(document.documentElement).getPropertyValue("--edge");

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

// A point of a class, by shape and by colour: a circle is blue, a triangle orange.
export function mark(pen, x, y, radius, blue) {
  pen.beginPath();
  if (blue) pen.arc(x, y, radius, 0, 2 * Math.PI);
  else {
    pen.moveTo(x, y - 1.3 * radius);
    pen.lineTo(x + 1.3 * radius, y + radius);
    pen.lineTo(x - 1.3 * radius, y + radius);
    pen.closePath();
  }
  pen.fillStyle = blue ? BLUE_CSS : ORANGE_CSS;
  pen.fill();
}

// Curves of losses of equal length, all on one logarithmic scale. Where a loss is no number, there is no line.
export function curves(canvas, series) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  const all = series.flatMap(({ losses }) => losses).filter((loss) => loss > 0 && Number.isFinite(loss));
  if (all.length === 0) return;
  const [low, high] = [Math.log(Math.min(...all)), Math.log(Math.max(...all))];
  const y = (loss) => 6 + (height - 12) * (1 - (Math.log(Math.max(loss, 1e-12)) - low) / (high - low || 1));
  for (const { losses, colour, dash = [] } of series) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dash);
    pen.beginPath();
    losses.forEach((loss, at) => {
      const place = [(at / Math.max(1, losses.length - 1)) * width, y(loss)];
      if (Number.isFinite(losses[at - 1])) pen.lineTo(...place);
      else pen.moveTo(...place);
    });
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
