// @vitest-environment node
import { expect, test } from "vitest";
import { PAGES } from "../src/app/pages";
import { partsOf } from "./boot";

const chunk = (fileName: string, facadeModuleId: string | null, imports: string[] = []) => ({
  fileName,
  facadeModuleId,
  imports,
  isEntry: fileName === "main.js",
});

test("a page's files are its own and what they need, without what is there already", () => {
  const chunks = [
    chunk("main.js", "/console/index.html", ["kit.js"]),
    chunk("kit.js", null),
    chunk("table.js", null, ["kit.js"]),
    chunk("models.js", "/console/src/features/models/page.tsx", ["kit.js", "table.js"]),
    chunk("door.js", "/console/src/app/sign-in.tsx", ["main.js"]),
    chunk("chart.js", "/console/src/shared/ui/time-chart.tsx"),
  ];
  expect(partsOf(chunks, "/console/")).toEqual({
    models: ["/console/models.js", "/console/table.js"],
    "sign-in": ["/console/door.js"],
  });
});

test("a page's address is the name of its folder, as boot.js takes it to be", () => {
  for (const page of PAGES) {
    expect(String(page.load)).toContain(
      `features/${page.path === "/" ? "overview" : page.path.slice(1)}/page`,
    );
  }
});
