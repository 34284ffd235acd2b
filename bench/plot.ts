/** One line of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly isDashed?: boolean;
  readonly color: string;
}

/** A plot; both axes are logarithmic where `log` says so. */
export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly log: { readonly x: boolean; readonly y: boolean };
  readonly series: readonly Series[];
}

/** Colours that are told apart by readers with any colour vision (Okabe and Ito), and on a light ground. */
export const colors = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#000000',
  '#8a8a8a',
] as const;

const size = { width: 900, height: 520 };
const area = { left: 86, right: 640, top: 76, bottom: 452 };

/** Draws a plot as an SVG document. */
export function drawPlot(plot: Plot): string {
  const points = plot.series.flatMap((series) => series.points);
  const x = scale(
    points.map((point) => point.x),
    plot.log.x,
    { from: area.left, to: area.right },
  );
  const y = scale(
    points.map((point) => point.y),
    plot.log.y,
    { from: area.bottom, to: area.top },
  );
  const elements = [
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text(area.left, 32, plot.title, 'font-size="19" font-weight="600"'),
    text(area.left, 54, plot.subtitle, 'font-size="13" fill="#555"'),
    ...x.ticks.flatMap((value) => [
      line({ x1: x.at(value), y1: area.top, x2: x.at(value), y2: area.bottom }),
      text(x.at(value), area.bottom + 20, short(value), 'font-size="12" text-anchor="middle"'),
    ]),
    ...y.ticks.flatMap((value) => [
      line({ x1: area.left, y1: y.at(value), x2: area.right, y2: y.at(value) }),
      text(area.left - 8, y.at(value) + 4, short(value), 'font-size="12" text-anchor="end"'),
    ]),
    text((area.left + area.right) / 2, area.bottom + 46, plot.xLabel, 'font-size="13" text-anchor="middle"'),
    `<text transform="translate(24 ${(area.top + area.bottom) / 2}) rotate(-90)" font-size="13" text-anchor="middle">${escapeXml(plot.yLabel)}</text>`,
    ...plot.series.flatMap((series, at) => drawSeries(series, at, { x, y })),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="system-ui, sans-serif" fill="#222">`,
    ...elements,
    '</svg>\n',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
}

function drawSeries(series: Series, index: number, scales: { x: Scale; y: Scale }): string[] {
  const dash = series.isDashed ? ' stroke-dasharray="5 4"' : '';
  const stroke = `fill="none" stroke="${series.color}" stroke-width="2"${dash}`;
  const places = series.points.map(
    ({ x, y }) => [scales.x.at(x).toFixed(1), scales.y.at(y).toFixed(1)] as const,
  );
  const legendY = area.top + 10 + index * 22;
  const legendX = area.right + 20;
  return [
    `<polyline ${stroke} points="${places.map((place) => place.join(',')).join(' ')}"/>`,
    ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${series.color}"/>`),
    `<path d="M${legendX} ${legendY}h26" ${stroke}/>`,
    text(legendX + 34, legendY + 4, series.name, 'font-size="13"'),
  ];
}

function scale(values: readonly number[], isLog: boolean, range: { from: number; to: number }): Scale {
  const ticks = isLog ? logTicks(values) : linearTicks(values);
  const low = ticks[0] ?? 0;
  const high = ticks.at(-1) ?? 1;
  const share = (value: number) =>
    isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return { ticks, at: (value) => range.from + share(Math.max(value, low)) * (range.to - range.from) };
}

function linearTicks(values: readonly number[]): number[] {
  const high = Math.max(1, ...values);
  const rough = high / 6;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= rough) ?? rough;
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, at) => at * step);
}

// 1, 2, 5, 10, …: from the tick at or below the least value to the one at or above the greatest.
function logTicks(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const all = Array.from(
    { length: 36 },
    (_, at) => ([1, 2, 5][at % 3] ?? 1) * 10 ** (Math.floor(at / 3) - 3),
  );
  const first = all.findLastIndex((tick) => tick <= low);
  const last = all.findIndex((tick) => tick >= high);
  return all.slice(Math.max(0, first), last < 0 ? all.length : Math.max(last, first + 1) + 1);
}

function line(ends: Record<'x1' | 'y1' | 'x2' | 'y2', number>): string {
  const attributes = Object.entries(ends).map(([name, value]) => `${name}="${value.toFixed(1)}"`);
  return `<line ${attributes.join(' ')} stroke="#e3e3e3"/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;
}

function short(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(Number(value.toPrecision(3)));
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
