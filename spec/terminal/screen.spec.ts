/** Whatever a command says, nothing but text and colours of ours gets to a terminal. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { marked, paint } from '../../src/terminal/colour.ts';
import { Progress } from '../../src/terminal/progress.ts';
import { screen } from '../../src/terminal/screen.ts';
import { formatTable } from '../../src/terminal/table.ts';

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const stream = { isTTY, columns: 80, write: (text: string) => written.push(text) };
  return { stream, door: screen(stream), written };
}

const onTerminal = (text: string) => through(text, true);
const inPipe = (text: string) => through(text, false);
function through(text: string, isTTY: boolean): string {
  const { door, written } = terminal(isTTY);
  door.write(text);
  return written.join('');
}

/** Sequences that colour, move, clear, name the window, read the clipboard, ring; in seven bits, in eight, and turned round. */
const HOSTILE = [
  '\x1b[31m',
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\x9b1m',
  '\x1b]52;c;?\x1b\\',
  '\x07',
  '\b\b',
  '\rover',
  '\u202e',
  '\u2066',
  '\x1b',
  '\x7f',
  '\0',
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ACTING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const OURS = /\x1b\[[\d;]*m|\r\x1b\[2K/g;

test('colours of ours are escape sequences on a terminal, and nothing in a pipe', () => {
  assert.is(onTerminal(paint('bold', 'x')), '\x1b[1mx\x1b[22m');
  assert.is(onTerminal(`${marked('38;5;231;48;5;17')}▀${marked(0)}`), '\x1b[38;5;231;48;5;17m▀\x1b[0m');
  assert.is(inPipe(`${paint('bold', 'x')} ${paint('bad', 'y')}`), 'x y');
  const table = formatTable([{ title: 'a' }], [[{ text: 'b', style: 'good' }]], { colour: true });
  assert.is(onTerminal(table), '\x1b[1ma\x1b[22m\n\x1b[2m─\x1b[22m\n\x1b[32mb\x1b[39m');
});

test('a sequence in a text is shown, whatever is around it', () => {
  assert.is(onTerminal('a\x1b[31mred\n\tb'), 'a\\x1b[31mred\n\tb');
  assert.is(onTerminal('line\r\nnext\rover'), 'line\r\nnext\\rover');
  assert.is(onTerminal('C:\\r\nd'), 'C:\\r\nd');
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(...HOSTILE),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\ufdd0', '\ufdd1', '\ufdd0;\x1b[2J\ufdd1', '\ufdd01;\ufdd01m\ufdd1'),
    ),
  );
  fc.assert(
    fc.property(parts, fc.constantFrom('bold', 'bad'), (hostile, style) => {
      const text = hostile.join('');
      for (const said of [text, paint(style, text), `${text}${paint(style, 'ours')}${text}`]) {
        assert.not.match(inPipe(said).replaceAll('\r\n', '\n'), ACTING);
        // What is left of an escape sequence sets a colour or a style, and nothing else.
        const shown = onTerminal(said).replaceAll('\r\n', '\n').replace(OURS, '');
        assert.not.match(shown, ACTING);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a bar has the line to itself, and its label cannot leave it', () => {
  const { stream, written } = terminal(true);
  let now = 0;
  const progress = new Progress({ total: 2, stream: screen(stream), now: () => now });
  now = 5000;
  progress.update(1, 'a\x1b[2J\nb');
  progress.finish();
  assert.is(written.length, 2);
  assert.ok(written[0].startsWith('\r\x1b[2K█') && written[0].endsWith('a\\x1b[2J\\nb'), written[0]);
  assert.is(written[1], '\r\x1b[2K');
});

test('the width of the terminal is that of the stream, also later', () => {
  const { stream, door } = terminal(true);
  stream.columns = 40;
  assert.equal([door.isTTY, door.columns], [true, 40]);
  assert.is(screen(door), door);
});

test.run();
