/** The text of the byte model: which paragraphs are prose, and what a package of Debian's is unpacked to. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FetchError } from '../../scripts/download.ts';
import { proseOf } from '../../scripts/jargon-file/prose.ts';
import { memberOfAr, memberOfTarXz } from '../../scripts/jargon-file/unpack.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const expectRefused = (words: string, body: () => void) => {
  assert.throws(body, (error: Error) => error instanceof FetchError && error.message.includes(words));
};

const LONG = 'a word and another, '.repeat(6).trim();

test('paragraphs of 100 characters of ASCII are prose, each on a line', () => {
  const short = 'b'.repeat(99);
  const broken = `${'c'.repeat(60)}\n   ${'d'.repeat(60)}`;
  const file = [`  ${LONG}`, short, broken, `${LONG} – {“quoted” ‘twice’}`, `${LONG} é`, 'HEADING'].join('\n \n');
  const lines = [LONG, `${'c'.repeat(60)} ${'d'.repeat(60)}`, `${LONG} - "quoted" 'twice'`];
  assert.is(proseOf(file), `${lines.join('\n\n')}\n`);
});

/** Members as deb(5) has them: headers of 60 bytes, contents at even places. */
function arOf(members: readonly (readonly [name: string, content: string])[]): Buffer {
  const parts = members.map(([name, content]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    return `${header}${String(content.length).padEnd(10)}\`\n${content}${content.length % 2 === 1 ? '\n' : ''}`;
  });
  return Buffer.from(`!<arch>\n${parts.join('')}`, 'latin1');
}

test('a member of an ar archive is found behind members of odd and even lengths', () => {
  const archive = arOf([
    ['debian-binary', '2.0'],
    ['control.tar.xz/', 'even'],
    ['data.tar.xz', 'the data'],
  ]);
  for (const [name, content] of [
    ['debian-binary', '2.0'],
    ['control.tar.xz', 'even'],
    ['data.tar.xz', 'the data'],
  ]) {
    assert.is(memberOfAr(archive, name).toString('latin1'), content);
  }
  expectRefused('has no data.tar', () => memberOfAr(archive, 'data.tar'));
  expectRefused('no ar archive', () => memberOfAr(Buffer.from('PK\x03\x04'), 'data.tar.xz'));
});

test('what is no archive of xz is refused with what tar says', () => {
  expectRefused('install tar and xz-utils', () => memberOfTarXz(Buffer.from('no archive'), './a'));
});

const own = temporaryFolder();
mkdirSync(join(own, 'usr'));
writeFileSync(join(own, 'usr', 'text'), LONG);
const packed = spawnSync('tar', ['-cJf', 'data.tar.xz', './usr/text'], { cwd: own });

(packed.status === 0 ? test : test.skip)('a file comes out of a tar archive of xz as it went in', () => {
  const archive = readFileSync(join(own, 'data.tar.xz'));
  assert.is(memberOfTarXz(archive, './usr/text').toString('utf8'), LONG);
  expectRefused('tar cannot unpack', () => memberOfTarXz(archive, './usr/other'));
});

test.run();
