/**
 * The one door to a terminal. Everything that a command says goes through it, and whatever of that came from a file, its
 * name or an argument can only be read: an escape sequence in it is shown, not obeyed. Ours pass because they are none
 * yet: colours are marked by characters that Unicode keeps for such inner use (colour.ts), and become sequences here.
 */
import { visible } from '../core/visible.ts';
import { CLEARED, MARKED, RAISED, type TerminalStream } from './colour.ts';

const CLEAR_LINE = '\r\x1b[2K';
const LINE_UP = '\x1b[A';
const doors = new WeakSet<TerminalStream>();

/** The same stream, to which nothing gets but text, ends of lines, tabs, and on a terminal the colours that are ours. */
export function screen(stream: TerminalStream): TerminalStream {
  if (doors.has(stream)) return stream;
  const door: TerminalStream = {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    write: (text) => stream.write(shown(text, stream.isTTY === true)),
  };
  doors.add(door);
  return door;
}

function shown(text: string, isTerminal: boolean): string {
  // Every second part is the codes between two marks.
  const parts = text.split(MARKED).map((part, n) => {
    if (n % 2 === 1) return isTerminal ? `\x1b[${part}m` : '';
    return replaced(part, CLEARED, isTerminal ? CLEAR_LINE : '', (between) =>
      replaced(between, RAISED, isTerminal ? LINE_UP : '', readable),
    );
  });
  return parts.join('');
}

/** `text` with `by` in place of each `mark`, and what is between them as `shown` shows it. */
function replaced(text: string, mark: string, by: string, shown: (between: string) => string): string {
  return text.split(mark).map(shown).join(by);
}

function readable(text: string): string {
  const lines = text.split('\r\n').map((line) => visible(line, '\n\t'));
  return lines.join('\r\n');
}
