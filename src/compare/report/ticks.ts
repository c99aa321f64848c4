/** Short numbers for the ticks of an axis. */
import { formatBytes, formatMilliseconds } from '../../terminal/format.ts';

export function shortPercent(share: number): string {
  return `${Number((share * 100).toPrecision(2))}%`;
}

export function shortRatio(ratio: number): string {
  const parts = Number((1 / ratio).toPrecision(6));
  return ratio < 1 && Number.isInteger(parts) ? `1/${parts}×` : `${Number(ratio.toPrecision(2))}×`;
}

/** Removes trailing zeros, for ticks. */
export function formatMillisecondsShort(milliseconds: number): string {
  return trimZeros(formatMilliseconds(milliseconds));
}

export function formatBytesShort(bytes: number): string {
  return trimZeros(formatBytes(bytes));
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+(?= )/, (zeros) => (zeros.startsWith('.') ? '' : zeros));
}
