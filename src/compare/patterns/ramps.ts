/** The colours of shades: one hue for positive values, another for negative ones, on a light and on a dark ground. */
import { SHADES } from './shade.ts';

export type Colour = readonly [red: number, green: number, blue: number];

/** The tones of the report's pictures: from the faintest shade to the strongest. */
const RAMPS: Record<'light' | 'dark', { positive: Colour[]; negative: Colour[] }> = {
  light: {
    positive: [
      [228, 238, 246],
      [143, 193, 224],
      [47, 131, 189],
      [12, 74, 124],
      [6, 31, 58],
    ],
    negative: [
      [251, 234, 222],
      [236, 162, 104],
      [176, 77, 0],
      [92, 40, 0],
    ],
  },
  dark: {
    positive: [
      [28, 42, 54],
      [31, 92, 140],
      [61, 159, 224],
      [169, 220, 251],
      [255, 255, 255],
    ],
    negative: [
      [51, 35, 26],
      [161, 83, 28],
      [245, 154, 102],
      [255, 225, 205],
    ],
  },
};

/** The SHADES colours from the faintest shade to the strongest. */
export function rampOf(mode: 'light' | 'dark', sign: 'positive' | 'negative'): Colour[] {
  const stops = RAMPS[mode][sign];
  return Array.from({ length: SHADES }, (_, shade) => {
    const along = (shade / (SHADES - 1)) * (stops.length - 1);
    const stop = Math.min(Math.floor(along), stops.length - 2);
    const mix = (channel: number): number =>
      Math.round(stops[stop][channel] + (stops[stop + 1][channel] - stops[stop][channel]) * (along - stop));
    return [mix(0), mix(1), mix(2)];
  });
}
