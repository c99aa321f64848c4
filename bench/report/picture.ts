/** A plot as an SVG file, light or dark as the reader's system is: for the README. */
import { type Chart, drawChart, loadDrawing } from '../../src/compare/report/chart.ts';
import { escapeHtml } from '../../src/compare/report/html.ts';
import { colourProperties } from '../../src/compare/report/style.ts';

const HEADER = 64;
const PADDING = 16;

export async function standalonePicture(chart: Chart, subtitle: string): Promise<string> {
  const inner = withOwnIds(drawChart(await loadDrawing(), chart));
  const [, width, height] = (/viewBox="0 0 (\d+) (\d+)"/.exec(inner) ?? []).map(Number);
  const [outerWidth, outerHeight] = [width + 2 * PADDING, height + HEADER + PADDING];
  const placed = inner.replace('<svg ', `<svg x="${PADDING}" y="${HEADER}" width="${width}" height="${height}" `);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${outerWidth} ${outerHeight}" width="${outerWidth}" height="${outerHeight}" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif">
<title>${escapeHtml(chart.title)}</title>
<style>${colourProperties}
text { white-space: pre; }</style>
<rect width="${outerWidth}" height="${outerHeight}" rx="10" fill="var(--surface)" stroke="var(--line)"/>
<text x="${PADDING}" y="30" font-size="17" font-weight="650" fill="var(--text)">${escapeHtml(chart.title)}</text>
<text x="${PADDING}" y="50" font-size="12.5" fill="var(--muted)">${escapeHtml(subtitle)}</text>
${placed}
</svg>
`;
}

/** Plot counts the ids of its clip paths through a process: numbered from 1, a file does not depend on what was drawn before. */
function withOwnIds(svg: string): string {
  const ids = [...new Set(svg.match(/plot-clip-\d+/g))];
  return svg.replace(/plot-clip-\d+/g, (id) => `plot-clip-${ids.indexOf(id) + 1}`);
}
