/** What anybody may send to the server of the site: it answers with files of its folder, or a refusal, and goes on. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../spec/cli/host.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { serve } from '../serve.ts';

const around = temporaryFolder();
const folder = join(around, 'dist');
const SECRET = 'not of the site';
const LARGE = 8_000_000;
const FILES = {
  'index.html': '<title>first</title>',
  'style.css': 'a {}',
  'scripts/frame.js': '0',
  'icon.svg': '<svg/>',
  'maths/fonts/a.woff2': 'font',
  'api/index.html': '<title>api</title>',
  'data/large.js': 'x'.repeat(LARGE),
  '.efficient-transformers-site.json': SECRET,
  '../dist-other/x': SECRET,
  '../x': SECRET,
};
for (const [path, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const servers: Server[] = [];
const start = async (isolated: boolean): Promise<string> => {
  const { server, url } = await serve(folder, { port: 0, isolated });
  servers.push(server);
  return url;
};
const url = await start(true);
const { port } = new URL(url);

test.after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

interface Answer {
  /** Null for a connection that was closed without an answer. */
  status: number | null;
  head: string;
  body: string;
}

/** Sends these very bytes. Clients of a higher kind would tidy them up first. */
function sent(request: string): Promise<Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(Buffer.from(request, 'latin1')));
    socket.on('data', (chunk) => chunks.push(chunk));
    // What was refused may be refused before all of it was sent.
    socket.on('error', () => {});
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
      resolve({
        status: status === undefined ? null : Number(status),
        head: text.slice(0, end),
        body: text.slice(end + 4),
      });
    });
  });
}

const asked = (target: string, method = 'GET', more = ''): Promise<Answer> =>
  sent(`${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${more}\r\n`);

/** Neither what lies beside the folder nor a way to another host. */
function staysWithin({ head, body }: Answer): void {
  assert.not.ok(body.includes(SECRET));
  const location = /\r\nLocation: (.*)/i.exec(head)?.[1];
  if (location !== undefined) assert.match(location, /^\/(?![/\\])/);
}

async function stillServes(): Promise<void> {
  const { status, body } = await asked('/');
  assert.is(status, 200);
  assert.is(body, FILES['index.html']);
}

test('every file is what it is, under its type', async () => {
  const types = {
    '/': 'text/html; charset=utf-8',
    '/index.html?anything=%zz': 'text/html; charset=utf-8',
    '/api/': 'text/html; charset=utf-8',
    '/style.css': 'text/css; charset=utf-8',
    '/scripts/frame.js': 'text/javascript; charset=utf-8',
    '/icon.svg': 'image/svg+xml',
    '/maths/fonts/a.woff2': 'font/woff2',
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(new URL(path, url));
    assert.is(answer.status, 200, path);
    assert.is(answer.headers.get('content-type'), type);
    assert.is(answer.headers.get('cache-control'), 'no-cache');
  }
  assert.is((await (await fetch(`${url}data/large.js`)).text()).length, LARGE);
});

test('a folder is its first page, and relative links of that are right: its address ends with a slash', async () => {
  const answer = await fetch(`${url}api`);
  assert.is(answer.url, `${url}api/`);
  assert.is(await answer.text(), FILES['api/index.html']);
});

test('with isolation every answer has both headers, without none has', async () => {
  const plain = await start(false);
  for (const path of ['index.html', 'api', 'nowhere']) {
    for (const [from, opener, embedder] of [
      [url, 'same-origin', 'require-corp'],
      [plain, null, null],
    ] as const) {
      const { headers } = await fetch(from + path, { redirect: 'manual' });
      assert.is(headers.get('cross-origin-opener-policy'), opener, from + path);
      assert.is(headers.get('cross-origin-embedder-policy'), embedder, from + path);
    }
  }
});

/** Each with what may be answered. */
const HOSTILE: Record<string, readonly number[]> = {
  '/%00': [400],
  '/index.html%00.js': [400],
  '/nowhere': [404],
  '/index.html/x': [404],
  '/index.html/': [404],
  [`/${'a'.repeat(300)}`]: [404],
  [`/${'a/'.repeat(4000)}`]: [404],
  [`/${'a'.repeat(100_000)}`]: [431],
  '/../x': [403, 404],
  '/../dist-other/x': [403, 404],
  '/..%2fdist-other%2fx': [403],
  '/..%2Fdist-other/x': [403],
  '/%2e%2e/dist-other/x': [403],
  '/%2e%2e%2fx': [403],
  '/api/..%2f..%2fx': [403, 404],
  '/..%5cx': [403, 404],
  '/..\\x': [400],
  '/\\elsewhere.example/..': [400],
  '/\\//..': [400],
  '//#@x': [400],
  '/#': [400],
  '/x#@elsewhere.example/': [400],
  '/%5celsewhere.example/%2e%2e': [301, 403, 404],
  '/%252e%252e%252fx': [404],
  '/..%c0%afx': [400],
  '/%': [400],
  '/%zz': [400],
  '/%ff': [400],
  '/.efficient-transformers-site.json': [404],
  '/%2eefficient-transformers-site.json': [404],
  '//': [200],
  '///api': [301],
  '//elsewhere.example/': [404],
  '//elsewhere.example/%2e%2e': [301, 403, 404],
  'http://elsewhere.example/../x': [400],
  'http://': [400],
  'http://[::/': [400],
  '?x': [400, 404],
  x: [400],
  '*': [400, 404],
  '/constructor': [404],
  '/__proto__': [404],
};

for (const [target, statuses] of Object.entries(HOSTILE)) {
  test(`GET ${target.slice(0, 50)}: ${statuses.join(' or ')}, and the next one is answered`, async () => {
    const answer = await asked(target);
    assert.ok(statuses.includes(answer.status ?? 0), `${answer.status}`);
    staysWithin(answer);
    await stillServes();
  });
}

test('whatever path is asked for, the answer is a file of the folder or a refusal', async () => {
  const part = fc.oneof(
    fc.constantFrom(
      '..',
      '%2e%2e',
      '%2f',
      '%5c',
      '/',
      '\\',
      '%',
      '%00',
      'api',
      'dist-other',
      'x',
      'index.html',
      '//',
      '.',
      '#',
      '@',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 5 }).filter((text) => !/\s/.test(text)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
      const answer = await asked(`/${parts.join('')}`);
      assert.ok([200, 301, 400, 403, 404].includes(answer.status ?? 0), `${answer.status}`);
      staysWithin(answer);
    }),
    { numRuns: 500 },
  );
  await stillServes();
});

test('bytes that are no request are refused, and the next one is answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const { status } = await sent(`${Buffer.from(bytes).toString('latin1')}\r\n\r\n`);
      assert.ok(status === null || status >= 400, `${status}`);
    }),
  );
  await stillServes();
});

test('only GET and HEAD are answered; HEAD is GET without what it holds', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    for (const path of ['/', '/nowhere', '/%00', '/..%2fx']) {
      const { status, head, body } = await asked(path, method);
      assert.is(status, 405, `${method} ${path}`);
      assert.match(head, /\r\nAllow: GET, HEAD(\r\n|$)/);
      assert.is(body, '');
    }
  }
  const withBody = await asked('/', 'POST', `Content-Length: 4\r\n`);
  assert.is(withBody.status, 405);
  for (const path of ['/', '/data/large.js', '/nowhere', '/api', '/%00']) {
    const [get, head] = [await asked(path), await asked(path, 'HEAD')];
    const undated = (text: string) => text.replace(/\r\nDate: .*/, '').replace(/\r\nTransfer-Encoding: .*/, '');
    assert.is(undated(head.head), undated(get.head), path);
    assert.is(head.body, '');
  }
  await stillServes();
});

test('a part of a file, and one that is known already', async () => {
  const large = '/data/large.js';
  const part = await asked(large, 'GET', 'Range: bytes=10-19\r\n');
  assert.equal([part.status, part.body.length], [206, 10]);
  for (const range of ['bytes=9000000-', 'bytes=-0']) {
    assert.is((await asked(large, 'GET', `Range: ${range}\r\n`)).status, 416, range);
  }
  const etag = /ETag: (.*)/i.exec((await asked('/')).head)?.[1].trim();
  const known = await asked('/', 'GET', `If-None-Match: ${etag}\r\n`);
  assert.equal([known.status, known.body], [304, '']);
});

/** Of this process; null where that cannot be known. */
function descriptors(): number | null {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : null;
}

test('downloads that are broken off leave nothing open', async () => {
  await stillServes();
  const before = descriptors();
  for (let round = 0; round < 10; round++) {
    const each = async (): Promise<void> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET /data/large.js HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', resolve));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      await closed;
    };
    await Promise.all(Array.from({ length: 20 }, each));
  }
  // The other ends are closed a little later; one that leaks never is, and the test then hangs.
  while (before !== null && (descriptors() ?? 0) > before) await new Promise((resolve) => setTimeout(resolve, 10));
  await stillServes();
});

test('a folder that is not there yet, is empty, is filled and is emptied while the server runs', async () => {
  const changing = join(around, 'changing');
  const { server, url } = await serve(changing, { port: 0, isolated: false });
  servers.push(server);
  const status = async () => (await fetch(url)).status;
  assert.is(await status(), 404);
  mkdirSync(changing);
  assert.is(await status(), 404);
  writeFileSync(join(changing, 'index.html'), 'here');
  assert.is(await status(), 200);
  rmSync(changing, { recursive: true });
  assert.is(await status(), 404);
});

test('a port that is taken is refused in words', async () => {
  try {
    await serve(folder, { port: Number(port), isolated: false });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ArgumentError);
    assert.match((error as Error).message, `--port ${port}: something else listens there`);
  }
});

test('it listens on this machine only', () => {
  for (const server of servers) {
    const address = server.address();
    assert.is(typeof address === 'object' && address?.address, '127.0.0.1');
  }
});

test.run();
