import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin, Rolldown } from "vite";

const EMPTY = "var parts = {};";

/**
 * Tell public/boot.js which files each page is made of, and name it by its content, so that it is kept for ever.
 *
 * A page's own files are named by the router, which is in the largest file of all: without this they would only be
 * asked for when that one has come and run.
 */
export function boot(): Plugin {
  let folder = "";
  let base = "/";
  let parts: Record<string, string[]> = {};
  return {
    name: "wye-boot",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
      base = config.base;
    },
    generateBundle(_, bundle) {
      parts = partsOf(
        Object.values(bundle).filter((one) => one.type === "chunk"),
        base,
      );
    },
    closeBundle() {
      const source = readFileSync(join(folder, "boot.js"), "utf8");
      const page = readFileSync(join(folder, "index.html"), "utf8");
      const address = `${base}boot.js`;
      if (!source.includes(EMPTY) || !page.includes(address))
        throw new Error("boot.js is not as the build knows it");
      const told = source.replace(EMPTY, `var parts = ${JSON.stringify(parts)};`);
      const name = `assets/boot-${createHash("sha256").update(told).digest("hex").slice(0, 8)}.js`;
      writeFileSync(join(folder, name), told);
      writeFileSync(join(folder, "index.html"), page.replace(address, base + name));
      rmSync(join(folder, "boot.js"));
    },
  };
}

type Chunk = Pick<Rolldown.OutputChunk, "fileName" | "facadeModuleId" | "imports" | "isEntry">;

/** The files of each page beside those that every page loads, by the page's name; `sign-in` is one of them. */
export function partsOf(chunks: readonly Chunk[], base: string): Record<string, string[]> {
  const byName = new Map(chunks.map((one) => [one.fileName, one]));
  const reached = (name: string, found = new Set<string>()): Set<string> => {
    if (!found.has(name)) {
      found.add(name);
      byName.get(name)?.imports.forEach((one) => reached(one, found));
    }
    return found;
  };
  const first = new Set(chunks.filter((one) => one.isEntry).flatMap((one) => [...reached(one.fileName)]));
  const found: Record<string, string[]> = {};
  for (const chunk of chunks) {
    const id = chunk.facadeModuleId ?? "";
    const name = /\/features\/([^/]+)\/page\.tsx$/.exec(id)?.[1] ?? /\/app\/(sign-in)\.tsx$/.exec(id)?.[1];
    if (name === undefined) continue;
    found[name] = [...reached(chunk.fileName)].filter((file) => !first.has(file)).map((file) => base + file);
  }
  return found;
}
