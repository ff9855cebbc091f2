import { money } from "@/shared/lib/format";

export interface Difference {
  field: string;
  before: string | null;
  after: string | null;
}

/** Written by every change, and of no interest to who reads about it. */
const NOISE = new Set(["created_at", "updated_at", "hash"]);
const PICO_PER_USD = 1e12;

/** What a change changed, field by field; `null` is what was not there. */
export function differences(before: unknown, after: unknown): Difference[] {
  if (!isObject(before) && !isObject(after)) return different("value", before, after);
  const old = isObject(before) ? before : {};
  const now = isObject(after) ? after : {};
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => !NOISE.has(name));
  return names.flatMap((name) => different(name, old[name], now[name]));
}

function different(field: string, before: unknown, after: unknown): Difference[] {
  const [old, now] = [shown(field, before), shown(field, after)];
  return old === now ? [] : [{ field: field.replaceAll("_", " "), before: old, after: now }];
}

function shown(field: string, value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value === "number" && field === "amount") return money(value / PICO_PER_USD);
  if (typeof value === "number" && field.endsWith("_at")) return new Date(value / 1000).toISOString();
  if (Array.isArray(value)) return value.length === 0 ? null : value.map((one) => plain(one)).join(", ");
  return plain(value);
}

const plain = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const SHOWN = 4;

/** A change in one line: what one field was and is, which fields are different, or what something new is like. */
export function summary(before: unknown, after: unknown): string {
  const found = differences(before, after);
  const one = found[0];
  if (found.length === 1 && one) return `${one.field}: ${one.before ?? "none"} → ${one.after ?? "none"}`;
  if (isObject(before) && isObject(after)) return found.map((change) => change.field).join(", ");
  const telling = found.filter((change) => !["id", "name", "source", "prefix"].includes(change.field));
  return telling
    .slice(0, SHOWN)
    .map((change) => `${change.field} ${change.after ?? change.before}`)
    .join(", ");
}
