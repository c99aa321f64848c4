/** The picture of who is routed where, as HTML: a row for each word, and what each expert holds. Page and script both draw it. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatError, formatWhole } from '../../../src/terminal/format.ts';
import type { RoutedWords } from '../../engine/protocol.ts';

/** The names of what a token is sent to, one and many. */
export type Called = readonly [one: string, many: string];

/** Words of a text, of which a picture has room for so many. */
const MOST_WORDS = 32;
export const TEXT = 'the cat saw the dog and the dog saw the cat so the cat ran up the tree';

/** Numbers that a row says; the picture has all. */
const SAID = 3;

/** One at least, since a layer needs a token. */
export function wordsOf(text: string): string[] {
  const words = text.trim().split(/\s+/).slice(0, MOST_WORDS);
  return words[0] === '' ? ['…'] : words;
}

export function routedPicture(words: readonly string[], routed: RoutedWords, called: Called): Html {
  const rows = words.map((word, t) => wordRow(word, t, routed, called));
  return html`<ol class="routed" style="--among:${routed.among}">
${rows}</ol>
${loadsRow(routed, called)}`;
}

function wordRow(word: string, t: number, { choices, perToken, refused }: RoutedWords, [one]: Called): Html {
  const own = Array.from({ length: perToken }, (_, c) => t * perToken + c).filter((at) => choices[at] >= 0);
  const marks = own.map((at) => {
    const how = refused[at] === 1 ? 'refused' : at % perToken === 0 ? 'first' : 'other';
    return html`<i class="${how}" style="--at:${choices[at]}"></i>`;
  });
  const numbers = own.slice(0, SAID).map((at, n) => {
    const number = choices[at] + 1;
    const between = n === 0 ? '' : ', ';
    return refused[at] === 1
      ? html`${between}<s><span class="visually-hidden">full: </span>${number}</s>`
      : html`${between}${number}`;
  });
  const more = own.length > SAID ? ' …' : '';
  return html`<li><span class="word">${word}</span><span class="lane" aria-hidden="true">${marks}</span><span class="to"><span class="visually-hidden">${one} </span>${own.length === 0 ? '–' : numbers}${more}</span></li>
`;
}

function loadsRow({ loads, among, capacity, refused }: RoutedWords, [, many]: Called): Html {
  // Where none can be full, there is no line to reach.
  const hasRoom = refused.length > 0;
  const top = Math.max(1, ...loads, hasRoom ? Math.min(capacity, 2 * Math.max(...loads)) : 0);
  const bars = loads.map((load, e) => {
    const isFull = hasRoom && load >= capacity;
    return load === 0
      ? null
      : html`<i class="${isFull ? 'full' : 'some'}" style="--at:${e};--h:${(load / top).toFixed(3)}"></i>`;
  });
  const line = hasRoom && capacity <= top ? html`<b style="--h:${(capacity / top).toFixed(3)}"></b>` : null;
  return html`<p class="loads" style="--among:${among}"><span class="word">${many}</span><span class="lane" aria-hidden="true">${bars}${line}</span><span class="to">${loads.filter((load) => load > 0).length} of ${formatWhole(among)}</span></p>
`;
}

/** What the picture shows, in words. */
export function routedText(words: readonly string[], routed: RoutedWords, [one, many]: Called): string {
  const { choices, loads, dropped, capacity, refused, among, loss } = routed;
  const asked = choices.filter((choice) => choice >= 0).length;
  const idle = loads.filter((load) => load === 0).length;
  return [
    `${words.length} words ask ${formatWhole(asked)} times for one of ${formatWhole(among)} ${many}.`,
    refused.length === 0
      ? `The busiest ${one} is asked for ${formatWhole(Math.max(...loads))} times.`
      : `Each ${one} has room for ${formatWhole(capacity)}, and ${formatWhole(dropped)} choices meet a full one.`,
    `${formatWhole(idle)} ${idle === 1 ? `${one} gets` : `${many} get`} nothing.`,
    ...(loss > 0 ? [`The router’s loss is ${formatError(loss)}.`] : []),
  ].join(' ');
}
