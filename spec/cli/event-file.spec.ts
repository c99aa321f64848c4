/** Files of events as TensorBoard reads them, taken apart by the rules of their format. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32c, EventFile } from '../../src/commands/event-file.ts';
import type { MetricsLine } from '../../src/training/metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'events-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('CRC-32C of the vectors of RFC 3720, B.4', () => {
  const counting = Uint8Array.from({ length: 32 }, (_, n) => n);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(counting), 0x46dd794e);
  assert.is(crc32c(counting.toReversed()), 0x113fdb5c);
  assert.is(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
});

test('the bytes that the writer of TensorBoard 2.21 makes of the same events', () => {
  // RecordWriter of tensorboard.summary.writer, of three Event of tensorboard.compat.proto, serialised.
  const expected = [
    ...['1800000000000000', 'a37f4b22', '09000000000000f83f1a0d627261696e2e4576656e743a32', '2a28646c'],
    ...['1000000000000000', '95fbfe18', '09000000000000f83f10ad023a020801', 'd17949d4'],
    ...['3e00000000000000', 'd9d240e7', '09000000000000f83f10c0022a30'],
    ...['0a140a0d6c6f73732f68656c642d6f7574159a99993e', '0a180a1161636375726163792f68656c642d6f7574150000403f'],
    'b60413ee',
  ].join('');
  const events = new EventFile(mkdtempSync(join(folder, 'golden-')), 300, () => 1.5);
  events.add({ kind: 'evaluation', step: 320, loss: 0.3, accuracy: 0.75, examples: 8, seconds: 1 });
  assert.is(readFileSync(events.path).toString('hex'), expected);
});

/** A value of a message: a number where it is one, else its bytes. */
type Field = [number: number, value: number | Buffer];

test('every number that was measured comes back, with its step and in order', () => {
  const steps = (step: number, loss: number): MetricsLine => {
    return { kind: 'steps', step, loss, gradientNorm: 2, learningRate: 0.5, tokensPerSecond: 1000, seconds: 1 };
  };
  const line = fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.float({ noNaN: true })).map(([step, loss]) => steps(step, loss)),
    fc
      .tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.option(fc.float({ noNaN: true, noDefaultInfinity: true })))
      .map(
        ([step, loss]): MetricsLine => ({ kind: 'evaluation', step, loss, accuracy: 0.25, examples: 8, seconds: 1 }),
      ),
    fc.constant<MetricsLine>({ kind: 'note', step: 1, note: 'a', seconds: 0 }),
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), fc.nat(1000), (lines, step) => {
      const own = mkdtempSync(join(folder, 'run-'));
      const events = new EventFile(own, step, () => 1_700_000_000.5);
      for (const each of lines) events.add(each);
      assert.is(events.trouble, null);
      const measured = lines.flatMap((each) => {
        if (each.kind === 'note') return [];
        const all: [string, number | null][] =
          each.kind === 'evaluation'
            ? [
                ['loss/held-out', each.loss],
                ['accuracy/held-out', each.accuracy],
              ]
            : [
                ['loss/training', each.loss],
                ['optimizer/gradient norm', 2],
                ['optimizer/learning rate', 0.5],
                ['speed/tokens per second', 1000],
              ];
        return all.flatMap(([tag, value]) => (Number.isFinite(value) ? [[each.step, tag, value]] : []));
      });
      if (lines.every(({ kind }) => kind === 'note')) {
        assert.equal(readdirSync(own), []);
        return;
      }
      const found = recordsIn(readFileSync(events.path)).map(fieldsOf);
      assert.is(String(fieldIn(found[0], 3)), 'brain.Event:2');
      assert.is(fieldIn(found[1], 2), step + 1);
      assert.equal(fieldsOf(fieldIn(found[1], 7) as Buffer), [[1, 1]]);
      for (const event of found) assert.is(fieldIn(event, 1), 1_700_000_000.5);
      const scalars = found.slice(2).flatMap((event) =>
        fieldsOf(fieldIn(event, 5) as Buffer).map(([, value]) => {
          const fields = fieldsOf(value as Buffer);
          return [fieldIn(event, 2), String(fieldIn(fields, 1)), fieldIn(fields, 2)];
        }),
      );
      assert.equal(scalars, measured);
    }),
    { numRuns: 50 },
  );
});

test('a file that cannot be written is attempted again, and lacks nothing then', () => {
  const own = join(folder, 'later');
  const events = new EventFile(own, 0);
  const add = (step: number) => events.add({ kind: 'evaluation', step, loss: 1, accuracy: 0, examples: 1, seconds: 1 });
  add(1);
  assert.match(events.trouble?.message ?? '', /cannot be written/);
  mkdirSync(own);
  add(2);
  assert.is(events.trouble, null);
  const steps = recordsIn(readFileSync(events.path)).map((event) => fieldIn(fieldsOf(event), 2));
  assert.equal(steps, [undefined, 1, 1, 2]);
});

function unmasked(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

function recordsIn(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    assert.is(unmasked(file.readUInt32LE(at + 8)), crc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    assert.is(unmasked(file.readUInt32LE(at + 12 + length)), crc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let [value, place] = [0, 1];
    for (;;) {
      const byte = message[at++];
      value += (byte % 128) * place;
      if (byte < 128) return value;
      place *= 128;
    }
  };
  while (at < message.length) {
    const key = varint();
    const [field, kind] = [Math.floor(key / 8), key % 8];
    if (kind === 0) {
      fields.push([field, varint()]);
      continue;
    }
    const size = kind === 2 ? varint() : kind === 1 ? 8 : 4;
    const value = message.subarray(at, at + size);
    at += size;
    fields.push([field, kind === 2 ? value : kind === 1 ? value.readDoubleLE() : value.readFloatLE()]);
  }
  return fields;
}

function fieldIn(fields: readonly Field[], number: number): number | Buffer | undefined {
  return fields.find(([field]) => field === number)?.[1];
}

test.run();
