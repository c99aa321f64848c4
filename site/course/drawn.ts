/** What a lesson's picture shows, as data: the library computes it, svg.ts draws it, and a reader can save it. */

/** Of the controls of a picture, by name. */
export type Settings = Readonly<Record<string, number | string | boolean>>;

export interface MatrixPanel {
  kind: 'matrix';
  title: string;
  rows: number;
  columns: number;
  /** rows × columns, row-major; null where there is no pair. */
  values: readonly (number | null)[];
  /** `log`: weights, on one scale for all such panels of a picture. `linear`: from 0 to the panel's largest size. */
  shading: 'log' | 'linear';
  /** Whether each cell has its number, with so many digits after the point. */
  digits?: number;
  rowNames?: readonly string[];
  columnNames?: readonly string[];
  /** What rows and columns are, where they have no names. */
  axes?: readonly [rows: string, columns: string];
}

export interface ChartLine {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface ChartAxis {
  label: string;
  log: boolean;
  /** Where it has to reach, whatever the lines are. */
  from?: number;
  to?: number;
}

export interface ChartPanel {
  kind: 'chart';
  title: string;
  x: ChartAxis;
  y: ChartAxis;
  lines: readonly ChartLine[];
}

export interface BarsPanel {
  kind: 'bars';
  title: string;
  /** The longest bar is so much; without, the largest value. */
  most?: number;
  bars: readonly { name: string; value: number; text: string }[];
}

export type Panel = MatrixPanel | ChartPanel | BarsPanel;

export interface Drawn {
  panels: readonly Panel[];
  /** What is to be seen, in a sentence or two with the numbers: also for those who do not see it. */
  says: string;
}

/** Computes a picture. Throws the library's errors. */
export type Picture = (settings: Settings) => Drawn | Promise<Drawn>;

/** A setting that is a number. Throws for any other: then the lesson and its picture do not fit. */
export function number(settings: Settings, name: string): number {
  const value = settings[name];
  if (typeof value !== 'number') throw new Error(`the picture has no number ${name}`);
  return value;
}
