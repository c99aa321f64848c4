/**
 * Makes the text that the byte model of fixtures was trained on, and that `npm run conversions` reads:
 *
 *     npm run jargon-file [-- FILE]     by default out/jargon-4.4.7.txt
 *
 * The Jargon File 4.4.7 says of itself that it is in the public domain. It is fetched from Debian's package of it, and its running
 * prose is taken out (jargon-file/prose.ts). The same bytes come out each time.
 */
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArgumentError, FileFormatError } from '../src/core/errors.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { entryAt } from '../src/core/files/system-error.ts';
import { readText } from '../src/core/files/text.ts';
import { formatWhole } from '../src/terminal/format.ts';
import { text } from '../src/terminal/options.ts';
import { TEXT } from './conversions/sets.ts';
import { download } from './download.ts';
import { proseOf } from './jargon-file/prose.ts';
import { memberOfAr, memberOfTarXz } from './jargon-file/unpack.ts';
import { runProgram } from './program.ts';

const PACKAGE = {
  url: 'https://deb.debian.org/debian/pool/main/j/jargon-text/jargon-text_4.4.7-4.1_all.deb',
  sha256: '17d05997e30eb3d5d6713929b8e2f81b63a5f50073858ad2a06701c71f54dcdb',
};
const MEMBER = './usr/share/doc/jargon-text/jargon.txt.gz';

const command = {
  usage: 'npm run jargon-file --',
  summary: 'Fetch the Jargon File from Debian, and write its prose as one text.',
  details: `Without FILE it goes to ${TEXT}, where npm run conversions looks for it. Takes tar and xz to unpack.`,
  positionals: ['FILE'],
  options: {
    from: text('FILE', 'Read the Jargon File as text here', { defaultText: 'fetch the package jargon-text 4.4.7-4.1' }),
  },
};

await runProgram(command, async ({ from }, _stop, [file = TEXT]) => {
  if (file === '') throw new ArgumentError('FILE: expected a name, got an empty one');
  if (entryAt(file) !== null) throw new ArgumentError(`FILE: ${file} is there already; remove it to make it again`);
  const prose = proseOf(from === undefined ? await fetched() : readText(from));
  if (prose.trim() === '') {
    throw new FileFormatError(
      `${from ?? PACKAGE.url}: expected the Jargon File as text, got one without running prose`,
    );
  }
  makeFolder(dirname(file));
  writeFileAtomically(file, prose);
  console.log(`${file}: ${formatWhole(Buffer.byteLength(prose))} bytes`);
  return 0;
});

async function fetched(): Promise<string> {
  console.log(`Fetching ${PACKAGE.url} (0.7 MB)`);
  const archive = memberOfAr(await download(PACKAGE.url, PACKAGE.sha256), 'data.tar.xz');
  return gunzipSync(memberOfTarXz(archive, MEMBER)).toString('utf8');
}
