/** Files taken apart and put together again, so that a fault in a part leaves the rest as the format wants it. */

import { digestOf, exchangeDigest, NO_DIGEST } from '../../src/core/files/safetensors.ts';
import type { Random } from '../../src/core/random.ts';
import { damaged, few, oneIn, pick } from './bytes.ts';
import { faulty, faultyText, textOf } from './json.ts';

interface SafetensorsParts {
  header: Record<string, unknown>;
  data: Buffer;
}

export function takeApart(bytes: Uint8Array): SafetensorsParts {
  const buffer = Buffer.from(bytes);
  const end = 8 + Number(buffer.readBigUInt64LE());
  return { header: JSON.parse(buffer.toString('utf8', 8, end)), data: buffer.subarray(end) };
}

export function putTogether(json: Uint8Array, data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** A file with faults in its header, its data, or anywhere. */
export function faultySafetensors(sample: Uint8Array, random: Random, other: Uint8Array): Buffer {
  if (oneIn(3, random)) return damaged(sample, random, other);
  const { header, data } = takeApart(sample);
  const numbers = oneIn(3, random) ? damaged(data, random, other) : data;
  return putTogether(faultyText(header, random), numbers);
}

/** A checkpoint with faults in what it says of itself, or in its tensors; its digest is right most often. */
export function faultyCheckpoint(sample: Uint8Array, random: Random, other: Uint8Array): Buffer {
  if (oneIn(8, random)) return damaged(sample, random, other);
  const parts = takeApart(oneIn(20, random) ? other : sample);
  let { header, data } = parts;
  const texts = { ...(header.__metadata__ as Record<string, string>) };
  if (oneIn(6, random)) header = faulty(header, random) as typeof header;
  else {
    // Of these the most depends.
    const name = oneIn(4, random) ? pick(Object.keys(texts), random) : pick(['settings', 'model'], random);
    if (oneIn(10, random)) delete texts[name];
    else texts[name] = faultyMember(texts[name], random);
    header = { ...header, __metadata__: texts };
  }
  if (oneIn(10, random)) data = damaged(data, random, other);
  return oneIn(10, random) ? putTogether(Buffer.from(textOf(header)), data) : signed(header, data);
}

/** With the digest that belongs to it. */
function signed(header: Record<string, unknown>, data: Uint8Array): Buffer {
  const { __metadata__: texts } = header;
  const blank =
    typeof texts === 'object' && texts !== null && 'digest' in texts
      ? { ...header, __metadata__: { ...texts, digest: NO_DIGEST } }
      : header;
  const json = textOf(blank);
  const whole = putTogether(Buffer.from(json), data);
  return putTogether(Buffer.from(exchangeDigest(json, NO_DIGEST, digestOf([whole])) ?? json), data);
}

/** Metadata are texts, most of them JSON. */
function faultyMember(text: string, random: Random): string {
  try {
    return faultyText(JSON.parse(text), random).toString();
  } catch {
    return damaged(Buffer.from(text), random).toString();
  }
}

const NPY_WORDS = [
  'descr',
  'fortran_order',
  'shape',
  'True',
  'False',
  'None',
  '(',
  ')',
  '{',
  '}',
  "'",
  ',',
  '-',
  'L',
  '<f4',
  '>i8',
  '|O',
  '1e9',
  '9007199254740993',
  '0',
  '\\',
  '\n',
  ' ',
];

/** A .npy file with faults in its dict, its lengths, its numbers or anywhere. */
export function faultyNpy(sample: Uint8Array, random: Random, other: Uint8Array): Buffer {
  if (oneIn(2, random)) return damaged(sample, random, other);
  const buffer = Buffer.from(sample);
  const start = buffer[6] === 1 ? 10 : 12;
  const end = start + (buffer[6] === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8));
  const parts = buffer.toString('latin1', start, end).split(/(\W)/);
  for (let faults = few(3, random); faults > 0; faults--) parts[random.integer(parts.length)] = pick(NPY_WORDS, random);
  const text = Buffer.from(parts.join(''), 'latin1');
  const head = Buffer.from(buffer.subarray(0, start));
  if (!oneIn(4, random) && text.length < 65536) head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, text, buffer.subarray(end)]);
}
