/** `eval --routing`: which expert takes which tokens, as a table for each layer that routes. */
import { formatPercent } from '../terminal/format.ts';
import { formatTable, type TableOptions } from '../terminal/table.ts';
import type { RoutedLayer } from '../training/feed-forward/who.ts';
import type { Task } from '../training/tasks/task.ts';

/** Experts with a line each; of more, the most used. */
const LINES = 16;
/** Tokens that a line names. */
const NAMED = 6;
const BAR = 20;

/** The tables as text. */
export function routingTables(layers: readonly RoutedLayer[], alphabet: Task['alphabet'], table: TableOptions): string {
  return layers.map((each) => [headOf(each), tableOf(each, alphabet, table)].join('\n\n')).join('\n\n');
}

function headOf({ layer, among, loads, dropped }: RoutedLayer): string {
  const all = loads.reduce((total, load) => total + load, 0);
  const used = loads.filter((load) => load > 0).length;
  const most = formatPercent(Math.max(...loads) / Math.max(1, all));
  const refused = dropped === 0 ? '' : `, ${formatPercent(dropped / Math.max(1, all))} of the choices met a full one`;
  return `Layer ${layer}: ${used} of ${among} are used, the most used by ${most} of the choices${refused}`;
}

function tableOf({ loads, tokens }: RoutedLayer, alphabet: Task['alphabet'], table: TableOptions): string {
  const all = Math.max(
    1,
    loads.reduce((total, load) => total + load, 0),
  );
  const experts = loads.map((load, expert) => ({ load, expert }));
  const shown =
    experts.length <= LINES ? experts : experts.sort((a, b) => b.load - a.load || a.expert - b.expert).slice(0, LINES);
  const most = Math.max(1, ...loads);
  const rows = shown.map(({ load, expert }) => [
    String(expert),
    formatPercent(load / all),
    '█'.repeat(Math.round((BAR * load) / most)),
    namesOf(tokens[expert], alphabet),
  ]);
  const columns = [
    { title: 'expert', align: 'right' as const },
    { title: 'choices', align: 'right' as const },
    { title: '', align: 'left' as const, droppable: true },
    { title: 'most often of', align: 'left' as const },
  ];
  return formatTable(columns, rows, table);
}

function namesOf(counts: ReadonlyMap<number, number>, alphabet: Task['alphabet']): string {
  const often = [...counts].sort(([a, n], [b, m]) => m - n || a - b).slice(0, NAMED);
  return often.map(([token]) => (alphabet === 'bytes' ? byteName(token) : String(token))).join(' ');
}

/** A visible character as itself, another as its number. */
function byteName(byte: number): string {
  if (byte === 0x20) return '␣';
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `0x${byte.toString(16).padStart(2, '0')}`;
}
