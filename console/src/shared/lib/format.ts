/** How figures are written, everywhere the same. An unknown figure is a dash, never a zero. */

export const UNKNOWN = "–";

const locale = "en-GB";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const percents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

type Maybe = number | null | undefined;

/** USD: cents from a dollar on, four significant digits below one, so that a request's cost shows. */
export function money(usd: Maybe): string {
  if (usd == null) return UNKNOWN;
  if (usd === 0) return "$0";
  const size = Math.abs(usd);
  if (size >= 10_000) return `$${compact.format(usd)}`;
  if (size >= 0.995) return dollars.format(usd);
  if (size < 0.000_001) return "<$0.000001";
  return `$${Number(usd.toPrecision(size >= 0.01 ? 3 : 2)).toFixed(size >= 0.01 ? 3 : Math.min(6, 1 - Math.floor(Math.log10(size))))}`;
}

/** A price as the API has it, USD per 1,000 tokens, as people compare them: USD per million. */
export function perMillion(perThousand: Maybe): string {
  if (perThousand == null) return UNKNOWN;
  if (perThousand === 0) return "free";
  const usd = perThousand * 1000;
  return `$${usd >= 0.1 ? usd.toFixed(2) : Number(usd.toPrecision(2))}`;
}

export function count(value: Maybe): string {
  return value == null ? UNKNOWN : whole.format(value);
}

/** 12,345 as "12.3K", for figures that need no last digit. */
export function short(value: Maybe): string {
  return value == null ? UNKNOWN : value < 10_000 ? whole.format(value) : compact.format(value);
}

/** Tokens of a context window: 128000 is "128K", 1048576 is "1M". */
export function tokens(value: Maybe): string {
  if (value == null) return UNKNOWN;
  if (value >= 1_000_000)
    return `${Number((value / (value % 1_048_576 === 0 ? 1_048_576 : 1_000_000)).toFixed(1))}M`;
  if (value >= 1000)
    return `${Math.round(value / (value % 1000 === 0 ? 1000 : value % 1024 === 0 ? 1024 : 1000))}K`;
  return String(value);
}

/** A part of 1. */
export function percent(value: Maybe): string {
  if (value == null) return UNKNOWN;
  return value > 0 && value < 0.001 ? "<0.1%" : percents.format(value);
}

/** A duration in milliseconds: "840 ms", "1.42 s", "3 min 10 s". */
export function duration(ms: Maybe): string {
  if (ms == null) return UNKNOWN;
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toPrecision(3))} s`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 1000);
  return seconds ? `${minutes} min ${seconds} s` : `${minutes} min`;
}

export function bytes(value: Maybe): string {
  if (value == null) return UNKNOWN;
  if (value < 1024) return `${value} B`;
  if (value < 1024 ** 2) return `${Number((value / 1024).toPrecision(3))} KB`;
  return `${Number((value / 1024 ** 2).toPrecision(3))} MB`;
}

type Time = string | number | Date | null | undefined;

/** A time as a Date; numbers are seconds since the epoch, as the API has them. */
export function dateOf(time: Exclude<Time, null | undefined>): Date {
  return typeof time === "number" ? new Date(time * 1000) : new Date(time);
}

/** "14 Nov, 09:30", in the reader's zone. */
export function moment(time: Time): string {
  return time == null ? UNKNOWN : moments.format(dateOf(time));
}

/** With year and seconds, for a tooltip or a detail. */
export function exactMoment(time: Time): string {
  return time == null ? UNKNOWN : exact.format(dateOf(time));
}

export function day(time: Time): string {
  return time == null ? UNKNOWN : days.format(dateOf(time));
}

/** "3 min ago", "in 2 hr". */
export function relative(time: Time, now = Date.now()): string {
  if (time == null) return UNKNOWN;
  const seconds = (dateOf(time).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  if (size < 60) return ago.format(Math.round(seconds), "second");
  if (size < 3600) return ago.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return ago.format(Math.round(seconds / 3600), "hour");
  if (size < 86_400 * 45) return ago.format(Math.round(seconds / 86_400), "day");
  return day(time);
}

/** How much more or less than before: "+12.5%"; null where there is nothing to compare with. */
export function change(now: Maybe, before: Maybe): { text: string; ratio: number } | null {
  if (now == null || !before) return null;
  const ratio = now / before - 1;
  const size = Math.abs(ratio);
  const text = size >= 1 ? `${whole.format(size * 100)}%` : percents.format(size);
  return { text: `${ratio > 0 ? "+" : ratio < 0 ? "−" : "±"}${text}`, ratio };
}

/** "function-calling" as "Function calling". */
export function words(name: string): string {
  const text = name.replaceAll(/[-_]+/g, " ").trim();
  const told = text.replaceAll(/\b(json|pdf|api|url|id)\b/gi, (word) => word.toUpperCase());
  return told.charAt(0).toUpperCase() + told.slice(1);
}

/** "1 request", "2 requests". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
