// The geometry of sparklines. Pure.

/**
 * The path of a line through shares (0 to 1), evenly spaced over a box, with `inset` left free on every side; empty
 * for fewer than two. Of more points than `most`, some are dropped, never the first or the last.
 * @param {readonly number[]} shares
 * @param {{ readonly width: number, readonly height: number, readonly inset: number, readonly most?: number }} box
 */
export function linePath(shares, { width, height, inset, most = 48 }) {
  if (shares.length < 2) return '';
  const drawn = thinned(shares, most);
  const step = (width - 2 * inset) / (drawn.length - 1);
  const [low, high] = [height - inset, inset];
  return drawn
    .map((share, index) => {
      const x = round(inset + index * step);
      const y = round(low + (high - low) * Math.min(1, Math.max(0, share)));
      return `${index === 0 ? 'M' : 'L'}${x} ${y}`;
    })
    .join('');
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;

/** At most so many of the values, evenly chosen. @param {readonly number[]} values @param {number} most */
function thinned(values, most) {
  if (values.length <= most) return values;
  const step = (values.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => values[Math.round(index * step)] ?? 0);
}
