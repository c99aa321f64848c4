/**
 * Options from a file: a JSON object in the names that the flags have, such as `{ "task": "copy", "model-dim": 32 }`. The
 * command line wins. Each value goes through the parser of its flag, so a file may say what a command line may, and no
 * more.
 */
import { ArgumentError, describe } from '../core/errors.ts';
import { readJsonObject } from '../core/files/json.ts';
import { entryAt } from '../core/files/system-error.ts';
import { flagName, type OptionSpec, type OptionSpecs } from '../terminal/options.ts';
import { unknownName } from '../terminal/suggest.ts';
import type { Given } from './command.ts';

/** Options as a file has them, by the keys of the specs. */
export type ConfigValues = Readonly<Record<string, unknown>>;

/** In a config.json, not an option: see `longerConfig`. */
const HISTORY = 'history';

const LIMITS = { size: 2 ** 20, depth: 3, values: 2 ** 12 };

/** The text of such a file. Keys are those of option specs; what is undefined is left out. */
export function configText(options: ConfigValues): string {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return `${JSON.stringify(Object.fromEntries(entries.map(([key, value]) => [flagName(key), value])), null, 1)}\n`;
}

/** A training to a number of steps, from its begin or, of a longer one, from a step on. */
export interface TrainedPart {
  'from-step'?: number;
  steps: number;
}

/**
 * The text of the file at `path` after its run was given more steps: of so many in all, and with the trainings that led to
 * them as its `history`. A recipe sets the steps itself, so for one only the history has them. Null if there is no file that
 * `configText` wrote.
 */
export function longerConfig(path: string, before: number, part: Required<TrainedPart>): string | null {
  if (entryAt(path) === null || !isConfig(path)) return null;
  const config = readJsonObject(path, LIMITS);
  const { [HISTORY]: history = [{ steps: before }], ...options } = config;
  const steps = typeof config.task === 'string' ? { steps: part.steps } : {};
  return `${JSON.stringify({ ...options, ...steps, [HISTORY]: [history, part].flat() }, null, 1)}\n`;
}

/** The trainings of a run that was given more steps; empty for another. Throws ArgumentError for what is no history. */
export function historyIn(path: string): readonly TrainedPart[] {
  const { [HISTORY]: history = [] } = readJsonObject(path, LIMITS);
  const isPart = (value: unknown) => Number.isSafeInteger((value as TrainedPart | null)?.steps);
  if (Array.isArray(history) && history.every(isPart)) return history;
  throw new ArgumentError(`--config: ${path}: ${HISTORY}: expected a list of { steps }, got ${describe(history)}`);
}

/** Whether `configText` wrote the file, and not another program. Throws FileFormatError for a file that is not a JSON object. */
export function isConfig(path: string): boolean {
  const { task, recipe, seed } = readJsonObject(path, LIMITS);
  return typeof (task ?? recipe) === 'string' && typeof seed === 'number';
}

/**
 * The given options, and those of the file at `path` that were not given. `word` is the file's name for the argument without
 * a flag; `instead` lists, for an option of the command line, the other options of the file that it replaces.
 * Throws FileFormatError for a file that is no JSON object, and ArgumentError for a key that is no option, with the nearest
 * one, and for a value that the option does not take.
 */
export function withConfig<Specs extends OptionSpecs>(
  path: string,
  specs: Specs,
  { values, positionals, given }: Given<Specs>,
  { word, instead }: { word: string; instead: Readonly<Record<string, readonly string[]>> },
): Given<Specs> {
  const names = new Map(Object.keys(specs).map((key) => [flagName(key), key]));
  names.delete('config');
  const onLine = [...(given as ReadonlySet<string>), ...(positionals.length > 0 ? [word] : [])];
  const decided = new Set(onLine.flatMap((key) => [key, ...(instead[key] ?? [])]));
  const merged: Record<string, unknown> = { ...values };
  const words = [...positionals];
  const known = new Set<string>(given as ReadonlySet<string>);
  for (const [name, value] of Object.entries(readJsonObject(path, LIMITS))) {
    if (name === HISTORY) continue;
    const key = name === word ? word : names.get(name);
    if (key === undefined) {
      throw new ArgumentError(`--config: ${path}: ${unknownName('option', name, [word, ...names.keys()])}`);
    }
    const parsed = within(path, () => (key === word ? text(name, value) : parse(specs[key], name, value)));
    if (decided.has(key)) continue;
    if (key === word) {
      words.push(parsed as string);
      continue;
    }
    merged[key] = parsed;
    // `"reversible": false` is the same as leaving it out.
    if (value !== false) known.add(key);
  }
  return { help: null, values: merged as Given<Specs>['values'], positionals: words, given: known };
}

function parse(spec: OptionSpec<unknown>, name: string, value: unknown): unknown {
  if (spec.placeholder === null) {
    if (typeof value !== 'boolean') throw new ArgumentError(`${name}: expected true or false, got ${describe(value)}`);
    return value ? spec.parse([], name) : spec.negative;
  }
  const isList = Array.isArray(spec.fallback) || spec.placeholder.endsWith(',…');
  if (!isList || !Array.isArray(value)) return spec.parse([text(name, value)], name);
  return value.length === 0
    ? spec.fallback
    : spec.parse(
        value.map((each) => text(name, each)),
        name,
      );
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new ArgumentError(`${name}: expected a text or a number, got ${describe(value)}`);
}

function within<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`--config: ${path}: ${error.message}`, { cause: error });
  }
}
