/** What `compare` leaves: the HTML report, the numbers as JSON, the outputs of the variants. */
import { extname } from 'node:path';
import { renderReport } from '../compare/report.ts';
import type { ComparisonReport } from '../compare/result.ts';
import { ArgumentError } from '../core/errors.ts';
import type { CompareValues } from './compare-options.ts';
import { type Content, type Output, toJson } from './outputs.ts';
import type { SavedOutputs } from './saved-outputs.ts';

export const JSON_OUTPUT = { flag: '--json', label: 'JSON' };
const REPORT_OUTPUT = {
  flag: '--report',
  label: 'Report',
  ifForeign: 'name another with --report FILE, or write none with --no-report',
};

export const SAVED_OUTPUT = { flag: '--save-outputs', label: 'Outputs' };

/** The requested outputs, with their places. */
export function outputsOf({ json, report, saveOutputs }: CompareValues): Output[] {
  return [
    ...(saveOutputs === undefined ? [] : [{ ...SAVED_OUTPUT, path: saveOutputs }]),
    ...(json === undefined ? [] : [{ ...JSON_OUTPUT, path: json }]),
    ...(report === null ? [] : [{ ...REPORT_OUTPUT, path: report }]),
  ];
}

/** Throws ArgumentError for outputs under a name that promises another format. */
export function checkFormats({ saveOutputs }: CompareValues): void {
  if (saveOutputs !== undefined && extname(saveOutputs).toLowerCase() !== '.safetensors') {
    throw new ArgumentError(
      `${SAVED_OUTPUT.flag}: expected a name that ends in .safetensors, the only format it writes, got ${saveOutputs}`,
    );
  }
}

/** The same with their content: the report, the numbers, and the outputs that were saved. */
export function contentsOf(
  { json, report: path, saveOutputs }: CompareValues,
  report: ComparisonReport,
  saved: SavedOutputs,
): Content[] {
  // The pictures are for the report; in JSON they would bury the numbers.
  const { pictures: _, ...numbers } = report;
  const { name: input, causal, seed } = report.input;
  return [
    ...(saveOutputs === undefined
      ? []
      : [{ ...SAVED_OUTPUT, path: saveOutputs, write: (to: string) => saved.write(to, { input, causal, seed }) }]),
    ...(path === null ? [] : [{ ...REPORT_OUTPUT, path, content: () => renderReport(report) }]),
    ...(json === undefined ? [] : [{ ...JSON_OUTPUT, path: json, content: () => toJson(numbers) }]),
  ];
}
