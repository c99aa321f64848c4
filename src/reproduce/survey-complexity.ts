/**
 * The cost that each paper states, such as O(L·m), against measured exponents of time and memory over the length: those of
 * `npm run bench -- --suite scaling`, of all variants at a fixed budget.
 */
import { fileURLToPath } from 'node:url';
import { FileFormatError } from '../core/errors.ts';
import { isObject, readJsonObject } from '../core/files/json.ts';
import { findVariant } from '../variants/registry.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { PAPERS } from './papers.ts';
import type { Numbers, Results } from './results.ts';

interface Given extends Settings {
  /** In a checkout; the package does not have it. */
  file: string;
}

const UNIT = 'exponents';

/** The fitted exponents of a forward pass, by variant. */
function readExponents({ file }: Given): Numbers {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const { rows } = readJsonObject(path);
  const fitted = (Array.isArray(rows) ? rows : []).flatMap((row): [string, number][] => {
    if (!isObject(row) || row.training !== false) return [];
    const { variant, timeSlope, memorySlope } = row;
    if (typeof variant !== 'string' || typeof timeSlope !== 'number' || typeof memorySlope !== 'number') return [];
    return [
      [`${variant}: time`, timeSlope],
      [`${variant}: memory`, memorySlope],
    ];
  });
  if (fitted.length === 0) {
    throw new FileFormatError(`${path}: no fitted exponents; write them with npm run bench -- --suite scaling`);
  }
  return Object.fromEntries(fitted);
}

type Growth = 'linear' | 'L·log L' | 'L·√L' | 'linear and L²' | 'quadratic';

/** What a stated cost says of the length: `O(L²/s)` is quadratic, `O(L·k·B + L²/B)` between. */
function growthOf(complexity: string): Growth {
  if (/^O\(L²/.test(complexity)) return 'quadratic';
  if (/L²|L\/d/.test(complexity)) return 'linear and L²';
  if (complexity.includes('√L')) return 'L·√L';
  return complexity.includes('log L') ? 'L·log L' : 'linear';
}

interface Row {
  name: string;
  complexity: string;
  growth: Growth;
  time: number;
  memory: number;
}

function rowsOf(results: Results): Row[] {
  const names = results.names(UNIT).flatMap((name) => (name.endsWith(': time') ? [name.replace(/: time$/, '')] : []));
  return names.flatMap((name) => {
    const variant = findVariant(name);
    if (variant === undefined) return [];
    const { complexity } = variant;
    const [time, memory] = ['time', 'memory'].map((what) => results.number(UNIT, `${name}: ${what}`));
    return [{ name, complexity, growth: growthOf(complexity), time, memory }];
  });
}

function claims(): Claim[] {
  const timesOf = (results: Results, growth: Growth) =>
    rowsOf(results).flatMap((row) => (row.growth === growth ? [row.time] : []));
  const atMost = (growth: Growth, most: number, loosely: number): Claim => ({
    says: `Time of variants whose papers state ${growth}: the largest exponent`,
    paper: growth,
    holds: { kind: 'bounds', read: (results) => Math.max(...timesOf(results, growth)), most },
    direction: { kind: 'bounds', read: (results) => Math.max(...timesOf(results, growth)), most: loosely },
  });
  return [
    // An exponent below 1 is that of a fixed cost which matters less and less: only larger ones contradict a paper.
    atMost('linear', 1.15, 1.4),
    atMost('L·log L', 1.25, 1.4),
    atMost('L·√L', 1.55, 1.7),
    atMost('linear and L²', 1.9, 2),
    {
      says: 'Time of variants whose papers state L², over whatever: the smallest exponent',
      paper: 'quadratic',
      holds: { kind: 'bounds', read: (results) => Math.min(...timesOf(results, 'quadratic')), least: 1.8 },
      direction: { kind: 'bounds', read: (results) => Math.min(...timesOf(results, 'quadratic')), least: 1.5 },
    },
    {
      says: 'No variant holds L² numbers, full attention among them: the largest exponent of memory',
      paper: '2 for full attention',
      holds: { kind: 'bounds', read: (results) => Math.max(...rowsOf(results).map(({ memory }) => memory)), most: 1.2 },
    },
  ];
}

const given: Given = { file: 'bench/results/scaling.json' };

export const surveyComplexity = defineExperiment<Given>({
  paper: PAPERS.survey,
  table: 'complexity',
  title: 'Stated complexity of every variant against measured exponents',
  source: 'the cost that each variant’s own paper states, as in Table 1 of the survey',
  differences: [
    'The exponents were measured before this experiment was written, by npm run bench -- --suite scaling, at a fixed budget from 4,096 tokens on; --again reads them anew.',
  ],
  settings: { small: given, paper: given },
  revision: 1,
  minutes: { small: 0.1, paper: 0.1 },
  units: (settings) => [{ name: UNIT, run: () => readExponents(settings) }],
  claims,
  show: (results) => ({
    titles: ['variant', 'stated', 'which is', 'exponent of time', 'of memory'],
    rows: rowsOf(results).map(({ name, complexity, growth, time, memory }) => [
      name,
      complexity,
      growth,
      time.toFixed(2),
      memory.toFixed(2),
    ]),
  }),
});
