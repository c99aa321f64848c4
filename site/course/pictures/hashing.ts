/** How often hashing by random directions brings two vectors together, by the angle between them. */
import { Random } from '../../../src/core/random.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { bucketOf } from '../snippets/bucket.ts';

const WIDTH = 16;
const DRAWS = 400;
const ANGLES = [0, 10, 20, 30, 40, 50, 60, 75, 90, 120, 150, 180];

export function collisions(settings: Settings): Drawn {
  const [buckets, rounds, angle] = ['buckets', 'rounds', 'angle'].map((name) => number(settings, name));
  const shares = ANGLES.map((degrees) => meetings(degrees, buckets));
  const many = (share: number): number => 1 - (1 - share) ** rounds;
  const here = meetings(angle, buckets);
  return {
    panels: [
      {
        kind: 'chart',
        title: 'How often two vectors meet',
        x: { label: 'angle between them, in degrees', log: false, from: 0, to: 180 },
        y: { label: 'share of draws', log: false, from: 0, to: 1 },
        lines: [
          { name: 'one round', points: ANGLES.map((degrees, n) => [degrees, shares[n]] as const) },
          {
            name: `at least one of ${rounds} rounds`,
            points: ANGLES.map((degrees, n) => [degrees, many(shares[n])] as const),
          },
        ],
      },
      {
        kind: 'bars',
        title: `At ${angle} degrees`,
        most: 1,
        bars: [
          { name: 'one round', value: here, text: here.toFixed(2) },
          { name: `${rounds} rounds`, value: many(here), text: many(here).toFixed(2) },
          { name: 'by chance', value: 1 / buckets, text: (1 / buckets).toFixed(2) },
        ],
      },
    ],
    says: `${buckets} buckets, ${DRAWS} draws of directions. Two vectors at ${angle} degrees share a bucket in ${Math.round(here * 100)} % of the draws, and in at least one of ${rounds} rounds in ${Math.round(many(here) * 100)} %.`,
  };
}

/** The share of draws in which two vectors at this angle fall into one bucket. */
function meetings(degrees: number, buckets: number): number {
  const radians = (degrees * Math.PI) / 180;
  let met = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    const random = new Random(draw);
    const directions = Array.from({ length: buckets / 2 }, () => random.fillNormal(new Float64Array(WIDTH)));
    const x = Float64Array.from({ length: WIDTH }, (_, c) => (c === 0 ? 1 : 0));
    const y = Float64Array.from({ length: WIDTH }, (_, c) =>
      c === 0 ? Math.cos(radians) : c === 1 ? Math.sin(radians) : 0,
    );
    if (bucketOf(x, directions) === bucketOf(y, directions)) met++;
  }
  return met / DRAWS;
}
