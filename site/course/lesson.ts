/** What a lesson is. Its page is made of this (pages/course/lesson.ts); a lesson brings no script of its own. */

import type { Html } from '../../src/compare/report/html.ts';
import type { Citation } from '../../src/variants/variant.ts';
import type { Drawn, Settings } from './drawn.ts';
import type { PictureName } from './pictures/index.ts';

/** Plain text in which `$…$` is TeX, backquotes are code, *stars* stress, and `[name](address)` is a link from the site's root. */
export type Text = string;

/** What a reader can change of a picture; `start` is what the page shows when it opens. */
export type Control =
  | { kind: 'slider'; name: string; label: string; stops: readonly number[]; start: number; unit?: string }
  | { kind: 'choice'; name: string; label: string; options: readonly (readonly [value: string, label: string])[] }
  | { kind: 'check'; name: string; label: string; start: boolean }
  /** A button for what takes a while: the picture is then drawn once with this setting true. */
  | { kind: 'run'; name: string; label: string };

/** The library draws it anew when a control moves. */
export interface LivePicture {
  kind?: 'live';
  draw: PictureName;
  controls: readonly Control[];
  /** Shipped data that it reads. */
  needs?: 'minilm-qkv.safetensors';
  /** What only the build knows, of the files under bench/results. */
  given?: () => Settings;
  /** What to look at, and what to try. */
  says: Text;
  /** How the picture reads: rows, columns, colours. */
  legend?: Text;
}

/** Of numbers that were measured: it has nothing to move. */
export interface StillPicture {
  kind: 'still';
  drawn: () => Drawn | Promise<Drawn>;
  says: Text;
  legend?: Text;
}

/** An equation and the lines that compute it, from the first line that holds `from` to the next that holds `to`. */
export interface Beside {
  label: string;
  tex: string;
  says: Text;
  code: { file: string; from: string; to: string };
}

export interface Lesson {
  /** Of its page, for good: links to it stay right. */
  name: string;
  title: string;
  minutes: number;
  /** One sentence: what one knows afterwards. */
  lead: Text;
  /** The idea in plain words; a heading begins with `## `. */
  idea: readonly Text[];
  picture: LivePicture;
  /** More to see after the idea and its picture, where there is: each with its heading. */
  more?: readonly {
    title: string;
    text: readonly Text[];
    picture?: LivePicture | StillPicture;
    table?: () => Html | Promise<Html>;
  }[];
  equations: readonly Beside[];
  givesUp: { text: readonly Text[]; picture: LivePicture | StillPicture };
  questions: readonly { ask: Text; answer: readonly Text[] }[];
  takeaways: readonly Text[];
  /** Exercises of `npm run learn` that belong to it, by their names. */
  exercises: readonly string[];
  /** Variants that it explains: their papers are among its sources, and their pages lead to it. */
  variants: readonly string[];
  sources: readonly Citation[];
}
