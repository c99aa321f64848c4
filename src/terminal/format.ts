/**
 * Numbers for people: three significant digits, a unit that keeps them short, a dash for what is not a number.
 * The terminal, the HTML report and the site all write with these, so that their figures read the same.
 */

const NOT_A_NUMBER = '–';
const INFINITE = '∞';
const SIGNIFICANT_DIGITS = 3;

/** `16,384`: every digit of a whole number, as of tokens and of pairs; in groups of three from a thousand on. */
export function formatWhole(count: number): string {
  if (!Number.isFinite(count)) return nonFinite(count);
  return grouped(Math.round(count).toFixed(0));
}

/** `1.50 MiB`: binary units, as memory is counted. */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], ' ');
}

/** `1.23k`, `45.6M`, `7.89G`: for operations, elements and parameters. Integers below a thousand stay exact. */
export function formatCount(count: number): string {
  return withUnit(count, 1000, ['', 'k', 'M', 'G', 'T', 'P'], '');
}

/** `83.0 µs`, `12.3 ms`, `1.23 s`, `2 min 05 s`, `3 h 07 min`. */
export function formatMilliseconds(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return nonFinite(milliseconds);
  if (milliseconds < 0) return `-${formatMilliseconds(-milliseconds)}`;
  if (milliseconds === 0) return '0 ms';
  if (asWritten(milliseconds * 1000) < 1000) return `${threeDigits(milliseconds * 1000)} µs`;
  if (asWritten(milliseconds) < 1000) return `${threeDigits(milliseconds)} ms`;
  if (asWritten(milliseconds / 1000) < 60) return `${threeDigits(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** `0.3 minutes`, `25 hours`, `17 days`, `5 years`: a time that is only known about. */
export function formatAbout(minutes: number): string {
  if (!Number.isFinite(minutes)) return nonFinite(minutes);
  if (minutes < 10) return minutes === 1 ? '1 minute' : `${Number(minutes.toFixed(1))} minutes`;
  const [hours, days] = [minutes / 60, minutes / 1440];
  if (minutes < 90) return counted(Math.round(minutes), 'minute');
  if (hours < 48) return counted(Math.round(hours), 'hour');
  return days < 730 ? counted(Math.round(days), 'day') : counted(Math.round(days / 365), 'year');
}

/** `12.3%` from 0.123. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return nonFinite(share);
  if (share !== 0 && Math.abs(share) < 5e-5) return `${share < 0 ? '>-' : '<'}0.01%`;
  return `${threeDigits(share * 100)}%`;
}

/** `0.0123`, `1.23e-5`: an error or another pure number, in exponent form once leading zeros would hide it. */
export function formatError(error: number): string {
  if (!Number.isFinite(error)) return nonFinite(error);
  if (error === 0) return '0';
  const size = Math.abs(error);
  if (size < 1e-3 || asWritten(size) >= 1e4) return error.toExponential(SIGNIFICANT_DIGITS - 1).replace('e+', 'e');
  return size < 1 ? error.toPrecision(SIGNIFICANT_DIGITS) : threeDigits(error);
}

/**
 * `0.31 ±0.03`, an estimate with twice its standard error, rounded up to one digit: the estimate has no digits beyond. As
 * an exact one, three digits, where the error is smaller than the last of them, or 0. With `unit` '%', of a share.
 */
export function formatEstimate(value: number, standardError: number, unit: '' | '%' = ''): string {
  const exact = unit === '%' ? formatPercent(value) : formatError(value);
  const [shown, margin] = unit === '%' ? [100 * value, 200 * standardError] : [value, 2 * standardError];
  if (!Number.isFinite(shown) || !(margin > 0) || margin * 1000 <= Math.abs(shown)) return exact;
  const power = Math.floor(Math.log10(margin));
  const digit = Math.ceil(Number((margin / 10 ** power).toPrecision(12)));
  const decimals = Math.max(0, -(digit === 10 ? power + 1 : power));
  return `${shown.toFixed(decimals)} ±${(digit * 10 ** power).toFixed(decimals)}${unit}`;
}

/** `3.20×`: how many times faster or smaller. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return nonFinite(ratio);
  return `${ratio !== 0 && Math.abs(ratio) < 0.01 ? formatError(ratio) : threeDigits(ratio)}×`;
}

function withUnit(value: number, base: number, units: readonly string[], gap: string): string {
  if (!Number.isFinite(value)) return nonFinite(value);
  let scaled = value;
  let unit = 0;
  // Compared as written: 999 999 is 1.00M, never 1000k.
  while (unit < units.length - 1 && asWritten(scaled) >= base) {
    scaled /= base;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(value) ? formatWhole(value) : threeDigits(scaled);
  return units[unit] === '' ? digits : `${digits}${gap}${units[unit]}`;
}

/** The size of the number that is read: 999.7 reads 1000. */
function asWritten(value: number): number {
  return Number(digitsOf(Math.abs(value)));
}

/** Three significant digits without an exponent; whole numbers keep all their digits, small ones two decimals. */
function threeDigits(value: number): string {
  return grouped(digitsOf(value));
}

/** With commas between thousands. */
function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
}

function digitsOf(value: number): string {
  const size = Number(Math.abs(value).toPrecision(SIGNIFICANT_DIGITS));
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  return value > 0 ? INFINITE : `-${INFINITE}`;
}

/** `1 token`, `16,384 tokens` */
export function counted(count: number, noun: string): string {
  return `${formatWhole(count)} ${noun}${count === 1 ? '' : 's'}`;
}
