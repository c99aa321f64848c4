/**
 * Metrics as TensorBoard reads them: a file of events that grows during a run. A record is its length, its bytes, and
 * a masked CRC-32C of each (tensorflow/core/lib/io/record_writer.h); the bytes are an `Event` of
 * tensorboard/compat/proto/event.proto, of whose fields these few are enough. A resumed run begins another file
 * next to the first, as TensorFlow does; an event says from which step on older ones do not count.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileWriteError } from '../core/errors.ts';
import { writing } from '../core/files/system-error.ts';
import type { MetricsLine } from '../training/metrics.ts';

/** Fields of `Event`, of `Summary` and its `Value`, and of `SessionLog`. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY = { value: 1, tag: 1, simpleValue: 2 } as const;
const SESSION = { status: 1, start: 1 } as const;
const VERSION = 'brain.Event:2';

export class EventFile {
  readonly path: string;
  readonly #now: () => number;
  /** What is not in the file yet. */
  #pending: Uint8Array[] = [];
  #trouble: FileWriteError | null = null;

  /** In `folder`, for a run that stands at `step`. `now` is seconds since 1970. Nothing is written before the first line. */
  constructor(folder: string, step: number, now: () => number = () => Date.now() / 1000) {
    const begun = String(Math.floor(now())).padStart(10, '0');
    // The word in its name is what TensorBoard looks for; it reads the files of a folder in the order of their names.
    this.path = join(folder, `events.out.tfevents.${begun}.${process.pid}.from-step-${step}`);
    this.#now = now;
    this.#add([], text(EVENT.fileVersion, VERSION));
    this.#add([varint(EVENT.step, step + 1)], message(EVENT.sessionLog, [varint(SESSION.status, SESSION.start)]));
  }

  /** Why lines are missing in the file; null if none are. Each new line retries all of them. */
  get trouble(): FileWriteError | null {
    return this.#trouble;
  }

  add(line: MetricsLine): void {
    const scalars = Object.entries(scalarsOf(line)).filter(([, value]) => Number.isFinite(value));
    if (scalars.length === 0) return;
    const values = scalars.map(([tag, value]) =>
      message(SUMMARY.value, [text(SUMMARY.tag, tag), float(SUMMARY.simpleValue, Number(value))]),
    );
    this.#add([varint(EVENT.step, line.step)], message(EVENT.summary, values));
    try {
      writing(this.path, () => appendFileSync(this.path, joined(this.#pending)));
      this.#pending = [];
      this.#trouble = null;
    } catch (error) {
      if (!(error instanceof FileWriteError)) throw error;
      this.#trouble = error;
    }
  }

  #add(fields: Uint8Array[], what: Uint8Array): void {
    this.#pending.push(record(joined([double(EVENT.wallTime, this.#now()), ...fields, what])));
  }
}

/** By the names of TensorBoard's charts. */
function scalarsOf(line: MetricsLine): Record<string, number | null> {
  if (line.kind === 'note') return {};
  if (line.kind === 'evaluation') return { 'loss/held-out': line.loss, 'accuracy/held-out': line.accuracy };
  const { loss, auxiliary, gradientNorm, learningRate, tokensPerSecond } = line;
  return {
    'loss/training': loss,
    ...(auxiliary !== undefined && { 'loss/own losses of layers': auxiliary }),
    'optimizer/gradient norm': gradientNorm,
    'optimizer/learning rate': learningRate,
    'speed/tokens per second': tokensPerSecond,
  };
}

/** The bytes as TensorFlow frames them. */
function record(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return joined([length, checksum(length), data, checksum(data)]);
}

/** Rotated and offset, so that a checksum over data with checksums in it is no special number. */
function checksum(data: Uint8Array): Uint8Array {
  const crc = crc32c(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  return bytes(4, (view) => view.setUint32(0, masked, true));
}

// Protocol buffers: a field is its number and the kind of its value, as one varint, and the value.

function varint(field: number, value: number): Uint8Array {
  return joined([digits(8 * field), digits(value)]);
}

function double(field: number, value: number): Uint8Array {
  return joined([digits(8 * field + 1), bytes(8, (view) => view.setFloat64(0, value, true))]);
}

function float(field: number, value: number): Uint8Array {
  return joined([digits(8 * field + 5), bytes(4, (view) => view.setFloat32(0, value, true))]);
}

function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  const whole = joined(fields);
  return joined([digits(8 * field + 2), digits(whole.length), whole]);
}

function text(field: number, value: string): Uint8Array {
  return message(field, [new TextEncoder().encode(value)]);
}

/** In base 128, the lowest digit first; all but the last with the highest bit. */
function digits(value: number): Uint8Array {
  const found: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...found, left]);
    found.push(128 + (left % 128));
  }
}

function bytes(size: number, fill: (view: DataView) => void): Uint8Array {
  const array = new Uint8Array(size);
  fill(new DataView(array.buffer));
  return array;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The polynomial of CRC-32C, the checksum of Castagnoli (RFC 3720, appendix B.4), lowest power first. */
const POLYNOMIAL = 0x82f63b78;

/** The remainder of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

/** From 0 to 2³² − 1. */
export function crc32c(data: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of data) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}
