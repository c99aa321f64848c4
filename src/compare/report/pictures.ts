/** Heat maps of attention weights, on one shared scale of colours, as small PNGs for light and for dark pages. */

import { formatError } from '../../terminal/format.ts';
import type { PatternPicture } from '../result.ts';
import { type Html, html } from './html.ts';
import { pngDataUri } from './png.ts';
import { SURFACE } from './style.ts';

type Colour = readonly [red: number, green: number, blue: number];
type Mode = 'light' | 'dark';

/** From the faintest weight to the strongest; another hue below zero (signed features). */
const RAMPS: Record<Mode, { positive: Colour[]; negative: Colour[] }> = {
  light: {
    positive: ['#e4eef6', '#8fc1e0', '#2f83bd', '#0c4a7c', '#061f3a'].map(colourOf),
    negative: ['#fbeade', '#eca268', '#b04d00', '#5c2800'].map(colourOf),
  },
  dark: {
    positive: ['#1c2a36', '#1f5c8c', '#3d9fe0', '#a9dcfb', '#ffffff'].map(colourOf),
    negative: ['#33231a', '#a1531c', '#f59a66', '#ffe1cd'].map(colourOf),
  },
};

/** Palette places: 0 for exactly zero, then the positive shades, then the negative ones. */
const SHADES = 127;
/** Weights this much smaller than the largest, and all below, have the faintest shade. */
const DECADES = 3;

export function renderPictures(pictures: readonly PatternPicture[]): Html {
  const largest = pictures.reduce(
    (sofar, { cells }) => cells.reduce((most, weight) => Math.max(most, Math.abs(weight) || 0), sofar),
    0,
  );
  const signed = pictures.some(({ cells }) => cells.some((weight) => weight < 0));
  return html`
    <div class="pictures">${pictures.map((picture) => renderPicture(picture, largest))}</div>
    ${renderScale(largest, signed)}`;
}

function renderPicture({ title, size, cells }: PatternPicture, largest: number): Html {
  const pixels = Uint8Array.from({ length: size * size }, (_, index) => shadeOf(cells[index] ?? 0, largest));
  const described = `Attention weights of ${title}: ${size} by ${size} cells, a row is a query`;
  return html`<figure>
    <figcaption><h3>${title}</h3></figcaption>
    <div class="axes"><span class="right">keys →</span><span class="down">queries →</span>${image(size, size, pixels, described)}</div>
  </figure>`;
}

function renderScale(largest: number, signed: boolean): Html {
  const shades = Array.from({ length: SHADES }, (_, index) => index + 1);
  const bar = (first: number, description: string): Html =>
    image(SHADES, 1, Uint8Array.from(shades.map((shade) => shade + first)), description);
  return html`<p class="scale">
    <span class="never"></span><span>exactly zero</span>
    <span>≤ ${formatError(largest / 10 ** DECADES)}</span>${bar(0, 'From faint to strong')}<span>${formatError(largest)}</span>
    ${signed ? html`<span>negative:</span>${bar(SHADES, 'Negative weights, from faint to strong')}` : null}
  </p>`;
}

function image(width: number, height: number, pixels: Uint8Array, description: string): Html {
  const [light, dark] = [paletteOf('light'), paletteOf('dark')].map((colours) =>
    pngDataUri(width, height, pixels, colours),
  );
  return html`<picture><source srcset="${dark}" media="(prefers-color-scheme: dark)"><img src="${light}" alt="${description}" width="${width}" height="${height}"></picture>`;
}

/** Logarithmic: full attention's many small weights and a window's few large ones both show. */
function shadeOf(weight: number, largest: number): number {
  if (weight === 0 || !Number.isFinite(weight)) return 0;
  const strength = 1 + Math.log10(Math.abs(weight) / largest) / DECADES;
  const shade = 1 + Math.round(Math.min(1, Math.max(0, strength)) * (SHADES - 1));
  return weight > 0 ? shade : shade + SHADES;
}

function paletteOf(mode: Mode): Colour[] {
  const { positive, negative } = RAMPS[mode];
  return [colourOf(SURFACE[mode]), ...shadesOf(positive), ...shadesOf(negative)];
}

function shadesOf(stops: readonly Colour[]): Colour[] {
  return Array.from({ length: SHADES }, (_, shade) => {
    const along = (shade / (SHADES - 1)) * (stops.length - 1);
    const stop = Math.min(Math.floor(along), stops.length - 2);
    const mix = (channel: 0 | 1 | 2): number =>
      Math.round(stops[stop][channel] + (stops[stop + 1][channel] - stops[stop][channel]) * (along - stop));
    return [mix(0), mix(1), mix(2)];
  });
}

function colourOf(hexadecimal: string): Colour {
  const value = Number.parseInt(hexadecimal.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
