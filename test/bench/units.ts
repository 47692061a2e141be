// Figures with their units, as docs/performance.md shows them.

export function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

export function ms(value: number): string {
  return value >= 100 ? `${number(Math.round(value))} ms` : `${number(value)} ms`;
}

export function times(value: number): string {
  return `${value.toFixed(2)} x`;
}

export function mib(bytes: number): string {
  return `${number(Math.round((10 * bytes) / 1_048_576) / 10)} MiB`;
}

export function kib(bytes: number): string {
  return `${(bytes / 1_024).toFixed(1)} KiB`;
}

export function dollars(value: number): string {
  return value < 0.0001 ? value.toFixed(6) : value.toPrecision(2);
}
