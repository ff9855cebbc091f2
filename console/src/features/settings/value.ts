import type { Schema } from "@/shared/api/client";

export type Setting = Schema["SettingView"];

/** A value as one line of text; what is not set is said so. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "not set";
  if (typeof value === "string") return value === "" ? "empty" : value;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((one) => shown(one)).join(", ");
  if (typeof value === "object") {
    const pairs = Object.entries(value);
    return pairs.length === 0 ? "none" : pairs.map(([name, one]) => `${name}: ${shown(one)}`).join(", ");
  }
  return JSON.stringify(value);
}

/** A value as it is typed. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * What was typed as the value it means, beside the one there is: text stays text, all else is JSON; of a setting that
 * is not set, what reads as JSON is that. Throws a `SyntaxError` for what is none.
 */
export function valueOf(text: string, like: unknown): unknown {
  if (typeof like === "string") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (like === null || like === undefined) return text;
    throw error;
  }
}

/** Where a value is from, short, and whether somebody said it. */
export function originOf(origin: string): { word: string; said: boolean; detail: string } {
  const [kind = "", ...rest] = origin.split(" ");
  if (origin === "default") return { word: "default", said: false, detail: "" };
  if (origin === "runtime setting") return { word: "runtime", said: true, detail: "changed while running" };
  if (kind === "file") return { word: "file", said: true, detail: rest.join(" ") };
  if (kind === "environment") return { word: "environment", said: true, detail: rest.join(" ") };
  return { word: origin, said: true, detail: "" };
}

/** A path's section; those of a provider or a model have their own. */
export function sectionOf(key: string): string {
  const [section = "", name = ""] = key.split(".");
  if (section === "providers") return `providers.${name}`;
  if (section === "models") return key.slice(0, key.lastIndexOf("."));
  return section;
}

/** Settings by their sections, in the order they come; those that hold all typed words. */
export function grouped(
  settings: readonly Setting[],
  text: string,
  onlySaid: boolean,
): [string, Setting[]][] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = new Map<string, Setting[]>();
  for (const setting of settings) {
    const hay = `${setting.key} ${shown(setting.value)} ${setting.origin}`.toLowerCase();
    if (!words.every((word) => hay.includes(word))) continue;
    if (onlySaid && !originOf(setting.origin).said && setting.version === null) continue;
    const section = sectionOf(setting.key);
    found.set(section, [...(found.get(section) ?? []), setting]);
  }
  return [...found];
}
