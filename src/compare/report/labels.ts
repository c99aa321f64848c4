/** Places the names of lines: next to the last point, moved as little as needed to keep clear of the rest. */

export interface LabelledLine {
  text: string;
  /** In pixels. */
  points: { x: number; y: number }[];
}

export interface LabelPlace {
  x: number;
  /** The middle of the text. */
  y: number;
  anchor: 'start' | 'end';
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

// For bold system fonts at 12 px; a little generous, because fonts differ, and to keep names above each other apart.
const CHARACTER_WIDTH = 7.5;
const LINE_HEIGHT = 18;
const MARKER_SIZE = 10;
const GAP = 9;
const STEP = 5;
/** Moving by this many pixels is as bad as covering one marker. */
const PIXELS_PER_COLLISION = 25;

/** Pixels between a name and its point. */
export function widthOfLabel(text: string): number {
  return GAP + text.length * CHARACTER_WIDTH;
}

/**
 * One place for each line, in their order, clear of texts that are already placed. Lines with the lowest ends are placed
 * first.
 */
export function placeLabels(
  lines: readonly LabelledLine[],
  area: { width: number; top: number; bottom: number },
  texts: readonly Box[] = [],
): LabelPlace[] {
  const markers = lines.flatMap(({ points }) => points.map(({ x, y }) => around(x, y, MARKER_SIZE, MARKER_SIZE)));
  const taken: Box[] = [...texts];
  const places: LabelPlace[] = new Array(lines.length);
  const order = lines.map((_, index) => index).sort((a, b) => endOf(lines[b]).y - endOf(lines[a]).y);
  for (const index of order) {
    const { place, box } = best(lines[index], area, taken, markers);
    taken.push(box);
    places[index] = place;
  }
  return places;
}

function best(line: LabelledLine, area: { width: number; top: number; bottom: number }, taken: Box[], markers: Box[]) {
  const end = endOf(line);
  // On both sides of a single point there is room.
  const alone = line.points.length === 1;
  const width = line.text.length * CHARACTER_WIDTH;
  let chosen: { place: LabelPlace; box: Box; cost: number } | undefined;
  for (let shift = 0; shift <= area.bottom - area.top; shift += STEP) {
    for (const y of [end.y + shift, end.y - shift]) {
      for (const anchor of ['start', 'end'] as const) {
        const leftwards = alone ? end.x - GAP : Math.min(end.x + GAP, area.width - 2);
        const x = anchor === 'start' ? end.x + GAP : leftwards;
        const middle = anchor === 'start' ? x + width / 2 : x - width / 2;
        const box = around(middle, y, width, LINE_HEIGHT);
        const out = Math.max(0, box.right - area.width, -box.left);
        // A name that is cut off, even by part of a pixel, cannot be read.
        const outside = out > 0 ? 1000 + out * 10 : 0;
        const beyond = y < area.top || y > area.bottom ? 1000 : 0;
        const names = taken.filter((other) => overlap(box, other)).length * 20;
        const covered = markers.filter((other) => overlap(box, other)).length + names;
        // A name that ends at the point, not starts there, is a last resort where it lies over the line.
        const backwards = anchor === 'end' && !alone ? 15 : 0;
        const cost = shift + outside + beyond + backwards + covered * PIXELS_PER_COLLISION;
        if (chosen === undefined || cost < chosen.cost) chosen = { place: { x, y, anchor }, box, cost };
      }
    }
  }
  return chosen!;
}

/** The last point of a line; a line without points has its name at the origin, away from the others. */
function endOf({ points }: LabelledLine): { x: number; y: number } {
  return points.at(-1) ?? { x: 0, y: 0 };
}

function around(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
