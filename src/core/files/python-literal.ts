/** Python literals, as the header of a .npy file is one: texts, integers, True, False, None, tuples, lists, dicts. */

/** A tuple is an array like a list. */
export type PythonLiteral = string | number | boolean | null | PythonLiteral[] | Map<string, PythonLiteral>;

/** Brackets within brackets; a header has four or five. */
const DEEPEST = 32;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
]);

/**
 * The value of a literal. Keys of dicts must be texts, each there once; in a text, what follows a backslash stands for
 * itself. Throws SyntaxError.
 */
export function parsePythonLiteral(text: string): PythonLiteral {
  const tokens = tokenize(text);
  let next = 0;

  const expected = (what: string): SyntaxError => {
    const token = tokens[next];
    return new SyntaxError(`expected ${what}, got ${token === undefined ? 'the end' : `'${token}'`}`);
  };
  const take = (token: string): void => {
    if (tokens[next] !== token) throw expected(token);
    next++;
  };

  /** `open item, item, close`; also tells whether there was a comma, which makes a tuple of one item. */
  function items<Item>(close: string, item: () => Item): { all: Item[]; commas: number } {
    const all: Item[] = [];
    let commas = 0;
    while (tokens[next] !== close) {
      all.push(item());
      if (tokens[next] === close) break;
      take(',');
      commas++;
    }
    take(close);
    return { all, commas };
  }

  function value(depth: number): PythonLiteral {
    if (depth > DEEPEST) throw new SyntaxError(`expected at most ${DEEPEST} brackets within each other`);
    const token = tokens[next++] ?? '';
    if (token === '[') return items(']', () => value(depth + 1)).all;
    if (token === '(') {
      const { all, commas } = items(')', () => value(depth + 1));
      return all.length === 1 && commas === 0 ? all[0] : all;
    }
    if (token === '{') return dict(depth);
    if (token.startsWith("'") || token.startsWith('"')) return token.slice(1, -1).replace(/\\(.)/gs, '$1');
    if (/^[-+]?\d/.test(token)) return Number.parseInt(token, 10);
    const word = WORDS.get(token);
    if (word !== undefined) return word;
    next--;
    throw expected('a value');
  }

  function dict(depth: number): Map<string, PythonLiteral> {
    const map = new Map<string, PythonLiteral>();
    items('}', () => {
      const key = value(depth + 1);
      if (typeof key !== 'string') throw new SyntaxError('expected a text as key');
      if (map.has(key)) throw new SyntaxError(`the key '${key}' occurs twice`);
      take(':');
      map.set(key, value(depth + 1));
    });
    return map;
  }

  const result = value(0);
  if (next < tokens.length) throw expected('the end');
  return result;
}

/** A text, an integer (Python 2 put an L after long ones), a bracket or other mark, a word. */
const TOKEN = /\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+]?\d+L?|[[\](){},:]|[A-Za-z]+)|$)/gsy;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError(`expected a value, got '${text.slice(start, start + 10)}'`);
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  return tokens;
}
